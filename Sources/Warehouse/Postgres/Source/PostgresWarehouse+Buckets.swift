import Dispatch
public import RollcallCore
import Synchronization

extension PostgresWarehouse {
    public func readBuckets(
        _ source: AudienceSource, columns: IdentifierColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, _ bucket: Int) throws -> Void
    ) async throws -> Bool {
        let limit = PostgresTimeLimit(options)
        let reader = PostgresBucketReading.Reader(
            source: source, columns: columns, grouping: grouping, limit: limit, meter: ReadMeter.current,
            choose: choose,
            body: body)
        let other = makePartWorker()
        do {
            return try await audienceWaiting() {
                try await worker(.long).runCancellable { session, cancellation in
                    try PostgresAudience(source, session).explaining(limit) {
                        try PostgresBucketReading(reader, other, cancellation).read(session)
                    }
                }
            }
        } catch let failure as PostgresFailure {
            throw stateError(failure)
        }
    }
}

/// Reads digests and rows in one view, over a second connection.
///
/// That takes two statements, and so one transaction in REPEATABLE READ; but its view must not be older than its locks (see
/// ``PostgresReading``). So the first connection takes the locks, the second one then takes its view and the same locks, the
/// first one ends its transaction, and the second one reads.
// SAFETY: what changes lies behind locks and semaphores.
final class PostgresBucketReading: @unchecked Sendable {
    /// What is read, and who gets it.
    struct Reader: Sendable {
        let source: AudienceSource
        let columns: IdentifierColumns
        let grouping: RowGrouping
        let limit: PostgresTimeLimit
        let meter: ReadMeter?
        let choose: @Sendable (GroupedRows) throws -> BucketSelection
        let body: @Sendable (AudienceCell, AudienceCell, Int) throws -> Void
    }

    /// Seconds that the first connection waits for the second one. A pooler may let a connection wait for its turn.
    private static let snapshotSeconds = 5
    /// Seconds in which a connection that is broken off gives its locks back.
    private static let endSeconds = 10

    private enum Standing {
        /// The second connection was not asked for anything.
        case idle
        case waiting, reading, abandoned
    }

    private let reader: Reader
    private let other: PostgresWorker
    private let cancellation: PostgresCancellation
    private let own = PostgresCancellation()
    private let standing = Mutex(Standing.idle)
    private let failure = Mutex<(any Error)?>(nil)
    /// Whether anything was called.
    private let hasChosen = Atomic(false)
    /// Signalled when the second connection has its view and locks, or has failed.
    private let hasBegun = DispatchSemaphore(value: 0)
    private let isOver = DispatchSemaphore(value: 0)

    init(_ reader: Reader, _ other: PostgresWorker, _ cancellation: PostgresCancellation) {
        self.reader = reader
        self.other = other
        self.cancellation = cancellation
    }

    /// - Returns: false where the second connection had no view in time, or the server lacks a function; nothing was called then.
    func read(_ session: PostgresSession) throws -> Bool {
        do {
            try session.transaction(reader.limit.begin(.readCommitted), mayRepeat: { false }) { session in
                try reader.limit.apply(session)
                _ = try PostgresAudience(reader.source, session).lockedColumns()
                begin()
                _ = hasBegun.wait(timeout: .now() + .seconds(Self.snapshotSeconds))
                // While the locks are held: a view that comes later may be older than its own locks.
                abandonWaiting()
            }
        } catch {
            abandonWaiting()
            own.request()
            awaitEnd()
            throw error
        }
        let isReading = awaitEnd()
        try cancellation.check()
        guard isReading else { return false }
        if let failure = failure.withLock({ $0 }) {
            if let lack = failure as? PostgresFailure, lack.isIncapable, !hasChosen.load(ordering: .acquiring) {
                return false
            }
            throw failure
        }
        return true
    }

    private func abandonWaiting() {
        standing.withLock { standing in
            if case .waiting = standing { standing = .abandoned }
        }
    }

    /// Nothing is called any more afterwards.
    /// - Returns: whether the second connection has had its view in time.
    @discardableResult
    private func awaitEnd() -> Bool {
        switch standing.withLock({ $0 }) {
        case .idle, .waiting: return false
        case .reading:
            isOver.wait()
            return true
        case .abandoned:
            own.request()
            _ = isOver.wait(timeout: .now() + .seconds(Self.endSeconds))
            return false
        }
    }

    private func begin() {
        standing.withLock { $0 = .waiting }
        cancellation.add(own)
        other.begin { session in
            try self.own.arm(session)
            defer { self.own.disarm(session) }
            try session.transaction(self.reader.limit.begin(.repeatableRead), mayRepeat: { false }) { session in
                let audience = PostgresAudience(self.reader.source, session)
                // Behind a session that waits for the first connection's locks it waits until the lock timeout, and no longer.
                let buckets = try audience.buckets(self.reader.columns, self.reader.grouping)
                guard self.takesPart() else { return }
                self.hasBegun.signal()
                try self.read(buckets, session)
            }
        } completion: { result in
            if case .failure(let error) = result { self.failure.withLock { $0 = error } }
            self.hasBegun.signal()
            self.isOver.signal()
        }
    }

    private func takesPart() -> Bool {
        standing.withLock { standing in
            guard case .waiting = standing else { return false }
            standing = .reading
            return true
        }
    }

    private func read(_ buckets: PostgresBuckets, _ session: PostgresSession) throws {
        let digests = PostgresDigestReader(buckets: reader.grouping.buckets)
        try withRoom(session) { try copy(buckets.digests, session) { try digests.read($0) } }
        let version = try session.query("SELECT pg_catalog.version()").text(0, 0) ?? ""
        let types = buckets.columns.map { "\($0.type) as \($0.wire)" }
        let basis = "\(version), \(session.serverEncoding ?? ""), \(types)"
        hasChosen.store(true, ordering: .releasing)
        let wanted = try reader.choose(GroupedRows(basis: basis, digests: digests.digests))
        if wanted.count == 0 { return }
        let rows = buckets.makeReader(reader.columns)
        try copy(buckets.rows(wanted), session) { try rows.read($0, self.reader.body) }
        guard rows.sums.agree(with: digests.digests, of: wanted) else {
            throw WarehouseError(
                .inconsistent, "The audience gave other rows than a moment before, in the same view.",
                hint:
                    "Give its query one result: a total ORDER BY for DISTINCT ON and LIMIT, and nothing that is random."
            )
        }
    }

    /// Kilobytes in which the sums of all buckets have room at once; with less of it the server would write them to files.
    private static let room: Int64 = 64 * 1024

    /// With at least so much memory for `body`. Rows are read under the setting that the role has.
    private func withRoom(_ session: PostgresSession, _ body: () throws -> Void) throws {
        let setting = try session.query(
            "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'work_mem' AND unit = 'kB'")
        guard let before = setting.rowCount > 0 ? setting.integer(0, 0) : nil, before < Self.room else {
            return try body()
        }
        try session.execute("SET LOCAL work_mem = \(Self.room)")
        try body()
        try session.execute("SET LOCAL work_mem = \(before)")
    }

    private func copy(
        _ select: String, _ session: PostgresSession, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try PostgresReading.copy(select, part: 0, session, own) { _, message in
            reader.meter?.add(message.count)
            try body(message)
        }
    }
}

extension PostgresAudience {
    /// Takes the locks and says how the rows are grouped.
    fileprivate func buckets(_ wanted: IdentifierColumns, _ grouping: RowGrouping) throws -> PostgresBuckets {
        let relation = try relation()
        let existing = try lockedColumns(relation)
        let columns = try [wanted.email, wanted.userID].compactMap(\.self).map { try find($0, existing) }
        guard !columns.isEmpty else { throw WarehouseError(.other, "No column of the audience was asked for.") }
        return PostgresBuckets(
            relation: relation, columns: columns, grouping: grouping,
            encoding: PostgresEncoding(session.serverEncoding))
    }
}

extension PostgresBuckets {
    fileprivate func makeReader(_ wanted: IdentifierColumns) -> PostgresBucketRowReader {
        PostgresBucketRowReader(
            email: wanted.email == nil ? nil : columns.first?.wire,
            userID: wanted.userID == nil ? nil : columns.last?.wire,
            encoding: encoding, buckets: grouping.buckets)
    }
}

/// Turns the binary COPY of an audience with its buckets into cells, and adds the rows up.
private final class PostgresBucketRowReader {
    private let identifiers: PostgresAudienceReader
    private let reader = BinaryCopyReader()
    private(set) var sums: BucketSums

    init(email: PostgresColumn.Wire?, userID: PostgresColumn.Wire?, encoding: PostgresEncoding?, buckets: Int) {
        identifiers = PostgresAudienceReader(email: email, userID: userID, encoding: encoding)
        sums = BucketSums(buckets: buckets)
    }

    func read(
        _ message: UnsafeRawBufferPointer, _ body: (AudienceCell, AudienceCell, Int) throws -> Void
    ) throws {
        try reader.read(message, fields: identifiers.fields + 2) { row in
            let (email, userID) = try identifiers.cells(&row)
            guard let number = try row.field(), let hash = try row.field() else { throw BinaryFieldCursor.broken }
            let bucket = Int(try BinaryFieldCursor.integer(number))
            sums.add(bucket, hash: try BinaryFieldCursor.integer(hash))
            try body(email, userID, bucket)
        }
    }
}

extension PostgresReading.Work {
    /// With its bytes counted as they come.
    func counted(by meter: ReadMeter?) -> PostgresReading.Work {
        guard let meter else { return self }
        var work = self
        work.makeBody = {
            let body = makeBody()
            return { part, message in
                meter.add(message.count)
                try body(part, message)
            }
        }
        return work
    }
}
