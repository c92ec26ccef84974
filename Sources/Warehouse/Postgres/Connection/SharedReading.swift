import Dispatch
import Foundation
import Synchronization

/// One table read over several connections that share a snapshot: one server process alone takes longer to say the rows than
/// we take to compare them.
///
/// The first of the further connections takes the snapshot and exports it, the others import it. They read when the
/// connection that began it all has imported it too.
final class SharedReading: Sendable {
    /// Nothing was read in parts; it can be read over one connection.
    struct NotBegun: Error {}

    /// Seconds that the first connection waits for another one to take the snapshot. A pooler may let a connection wait for
    /// its turn.
    private static let snapshotSeconds = 2
    /// Seconds after which the first connection shows that its transaction is not idle, while it waits for the others.
    private static let lifeSeconds = 3
    /// Seconds in which a connection that is broken off gives its lock back.
    private static let endSeconds = 10

    private struct State {
        /// The exported snapshot's name.
        var snapshot: String?
        /// Whether a connection has undertaken to take the snapshot.
        var isUndertaken = false
        /// Whether nothing is to be read in parts any more.
        var isOver = false
        var parts: [SharedPart] = []
    }

    let ranges: PageRanges
    private let work: PostgresReading.Work
    private let beginOwn: String
    private let state = Mutex(State())
    /// Signalled when the snapshot is there, or a connection has failed.
    private let hasSnapshot = DispatchSemaphore(value: 0)

    init(_ work: PostgresReading.Work, _ ranges: PageRanges, begin: String) {
        self.work = work
        self.ranges = ranges
        beginOwn = begin
    }

    /// How a transaction that shares the snapshot begins.
    var begin: String {
        let snapshot = state.withLock { $0.snapshot } ?? ""
        return beginOwn + "; SET TRANSACTION SNAPSHOT '\(snapshot)'"
    }

    /// Lets a further connection take part. The first one to come takes the snapshot.
    func add(_ worker: PostgresWorker, part number: Int, _ cancellation: PostgresCancellation) {
        let part = SharedPart(number)
        state.withLock { $0.parts.append(part) }
        cancellation.add(part.cancellation)
        worker.begin { session in
            try part.cancellation.arm(session)
            defer { part.cancellation.disarm(session) }
            if self.undertakesSnapshot() {
                try session.transaction(self.beginOwn, mayRepeat: { false }) { session in
                    try self.lock(session)
                    self.give(try session.query("SELECT pg_catalog.pg_export_snapshot()").text(0, 0) ?? "")
                    part.awaitPermission()
                    try self.read(session, part)
                }
            } else {
                part.awaitPermission()
                guard !self.state.withLock({ $0.isOver }) else { return }
                try session.transaction(self.begin, mayRepeat: { false }) { session in
                    try self.lock(session)
                    try self.read(session, part)
                }
            }
        } completion: { result in
            if case .failure = result { self.hasSnapshot.signal() }
            if part.end(result) { self.ranges.takeAll() }
        }
    }

    /// Who waits for the table's lock behind another session that waits for the first connection's would wait for ever.
    private func lock(_ session: PostgresSession) throws {
        try session.execute("SET LOCAL lock_timeout = '1s'; SELECT FROM \(ranges.table) LIMIT 0")
    }

    private func undertakesSnapshot() -> Bool {
        state.withLock { state in
            defer { state.isUndertaken = true }
            return !state.isUndertaken
        }
    }

    private func give(_ snapshot: String) {
        state.withLock { $0.snapshot = snapshot }
        hasSnapshot.signal()
    }

    /// Whether the snapshot was taken in time.
    func awaitSnapshot() -> Bool {
        _ = hasSnapshot.wait(timeout: .now() + .seconds(Self.snapshotSeconds))
        return state.withLock { $0.snapshot != nil }
    }

    /// Ends what the further connections do. Waits for their ends where one of them has the table's lock, for which others
    /// may wait.
    func giveUp() {
        let (parts, hasLock) = state.withLock { state in
            state.isOver = true
            return (state.parts, state.snapshot != nil)
        }
        for part in parts { part.giveUp() }
        if hasLock { for part in parts { part.awaitEnd(seconds: Self.endSeconds) } }
    }

    // MARK: Reading

    /// The share of a further connection.
    private func read(_ session: PostgresSession, _ part: SharedPart) throws {
        guard part.begin() else { return }
        try read(part.number, session, part.cancellation)
    }

    /// The share of the connection that began it all; then the others' are awaited.
    func read(_ session: PostgresSession, _ cancellation: PostgresCancellation) throws {
        let parts = state.withLock { $0.parts }
        for part in parts { part.permit() }
        let own = Result { try read(0, session, cancellation) }
        if case .failure = own { for part in parts { part.cancellation.request() } }
        for part in parts { part.wait(every: Self.lifeSeconds) { try? session.execute("SELECT") } }
        try own.get()
        for part in parts { if let failure = part.failure { throw failure } }
    }

    private func read(_ part: Int, _ session: PostgresSession, _ cancellation: PostgresCancellation) throws {
        while let range = ranges.next() {
            try cancellation.check()
            let upper = range.end.map { " AND audience.ctid < '(\($0),0)'" } ?? ""
            try work.copy(
                work.selectRange("audience.ctid >= '(\(range.start),0)'\(upper)"), part: part, session, cancellation)
        }
    }
}

/// One further connection's share of a reading.
private final class SharedPart: Sendable {
    private enum Standing {
        case waiting, reading, abandoned
        case failed(any Error)
    }

    let number: Int
    let cancellation = PostgresCancellation()
    private let standing = Mutex(Standing.waiting)
    private let permission = DispatchSemaphore(value: 0)
    private let isOver = DispatchSemaphore(value: 0)

    init(_ number: Int) { self.number = number }

    func permit() { permission.signal() }

    func awaitPermission() { permission.wait() }

    /// False when it is not waited for any more, so that it must not read.
    func begin() -> Bool {
        standing.withLock { standing in
            guard case .waiting = standing else { return false }
            standing = .reading
            return true
        }
    }

    /// - Returns: whether the whole reading has failed with it. Before it has begun, an error only means that the others
    ///   read everything.
    func end(_ result: Result<Void, any Error>) -> Bool {
        defer { isOver.signal() }
        return standing.withLock { standing in
            guard case .reading = standing, case .failure(let error) = result else { return false }
            standing = .failed(error)
            return true
        }
    }

    /// Breaks it off, wherever it is.
    func giveUp() {
        standing.withLock { if case .waiting = $0 { $0 = .abandoned } }
        cancellation.request()
        permit()
    }

    func awaitEnd(seconds: Int) { _ = isOver.wait(timeout: .now() + .seconds(seconds)) }

    /// Until it is over, if it has begun to read.
    func wait(every seconds: Int, _ showLife: () -> Void) {
        let hasBegun = standing.withLock { standing in
            guard case .waiting = standing else { return true }
            standing = .abandoned
            return false
        }
        guard hasBegun else { return }
        while isOver.wait(timeout: .now() + .seconds(seconds)) == .timedOut { showLife() }
    }

    var failure: (any Error)? {
        standing.withLock { if case .failed(let error) = $0 { error } else { nil } }
    }
}
