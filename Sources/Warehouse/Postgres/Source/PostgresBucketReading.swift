import Dispatch
import RollcallCore
import Synchronization

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
        let limit: PostgresTimeLimit
        let meter: ReadMeter?
        let choose: @Sendable (GroupedRows) throws -> BucketSelection
        /// Takes the locks in an open transaction, and says how the rows are grouped and who gets them.
        let buckets: @Sendable (PostgresAudience) throws -> PostgresBuckets
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
    private let given = GivenRows()
    /// Signalled when the second connection has its view and locks, or has failed.
    private let hasBegun = DispatchSemaphore(value: 0)
    private let isOver = DispatchSemaphore(value: 0)

    init(_ reader: Reader, _ other: PostgresWorker, _ cancellation: PostgresCancellation) {
        self.reader = reader
        self.other = other
        self.cancellation = cancellation
    }

    /// - Returns: false where the second connection had no view in time, or the server lacks a function, room for a term of very
    ///   many columns, or time, memory or disk for the digests; nothing was called then.
    func read(_ session: PostgresSession) throws -> Bool {
        try given.during { try readOnce(session) }
    }

    private func readOnce(_ session: PostgresSession) throws -> Bool {
        do {
            try session.transaction(reader.limit.begin(.readCommitted), mayRepeat: { false }) { session in
                try reader.limit.apply(session)
                // Here a column that is missing is found too: what fails before the second connection has its view is no error.
                _ = try reader.buckets(PostgresAudience(reader.source, session))
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
            if given.isEmpty, (failure as? PostgresFailure)?.leavesOtherWays == true { return false }
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
                let buckets = try self.reader.buckets(audience)
                guard buckets.fits, self.takesPart() else { return }
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
        let digests = PostgresDigestReader(buckets: buckets.grouping.buckets)
        try withRoom(session) { try copy(buckets.digests, session) { try digests.read($0) } }
        let basis = try basis(of: buckets, session)
        given.note()
        let wanted = try reader.choose(GroupedRows(basis: basis, digests: digests.digests))
        if wanted.count == 0 { return }
        let rows = buckets.makeReader()
        try copy(buckets.rows(wanted), session) { try rows.read($0) }
        guard rows.sums.agree(with: digests.digests, of: wanted) else {
            throw WarehouseError(
                .inconsistent, "The audience gave other rows than a moment before, in the same view.",
                hint:
                    "Give its query one result: a total ORDER BY for DISTINCT ON, LIMIT, and aggregates that go by the order of"
                    + " rows (array_agg, string_agg), sums of numeric instead of floats, and nothing that is random."
            )
        }
    }

    private func basis(of buckets: PostgresBuckets, _ session: PostgresSession) throws -> String {
        let version = try session.query("SELECT pg_catalog.version()").text(0, 0) ?? ""
        let settings = try values(of: buckets.settings, session)
        return (["\(version), \(session.serverEncoding ?? ""), \(buckets.types)"] + settings).joined(separator: ", ")
    }

    /// `DateStyle ISO, MDY`; of a setting that the server lacks only the name.
    private func values(of settings: [String], _ session: PostgresSession) throws -> [String] {
        if settings.isEmpty { return [] }
        let found = try session.query(
            "SELECT pg_catalog.current_setting(setting, true) FROM pg_catalog.unnest($1::pg_catalog.text[]) AS setting",
            [PostgresText.array(settings.map { $0 as String? })])
        return (0..<found.rowCount).map { "\(settings[$0]) \(found.text($0, 0) ?? "")" }
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
        try session.copyOut(select, own, reader.meter, nil, body)
    }
}

extension PostgresFailure {
    /// Whether rows may come another way where their digests did not.
    fileprivate var leavesOtherWays: Bool { isIncapable || isBeyondLimit || isBeyondMeans }
}
