import CLibPQ
import Foundation
import Synchronization

/// Reads one plain table over several connections that share a snapshot: one server process alone takes longer to say the
/// rows than we take to compare them.
///
/// Pages are dealt out in ranges of `ctid`, which PostgreSQL reads without an index since version 14. Such a scan goes through
/// the server's buffers as any small scan does, where a sequential scan of a table larger than a quarter of them would spare
/// them (PostgreSQL's source, `initscan`). Larger tables are therefore read over one connection.
struct PostgresParts {
    /// The connection that has the transaction, and reads too.
    let session: PostgresSession
    let cancellation: PostgresCancellation
    /// Connections for the other parts, opened when needed; one that cannot be had is done without.
    let lanes: [PostgresLane]
    /// A BEGIN and its SET LOCALs.
    let begin: String
    /// Tables of fewer pages are read over one connection.
    let leastPages: Int

    private static let leastVersion: Int32 = 140_000

    /// What a part does with each message of one COPY.
    typealias Body = (_ part: Int, UnsafeRawBufferPointer) throws -> Void

    /// The pages of a table, to be dealt out; nil: what is asked for is read over one connection.
    ///
    /// - Parameter name: quoted, as `regclass` reads it; nil for a query.
    func ranges(of name: String?) throws -> PageRanges? {
        guard !lanes.isEmpty, let name, let pages = try pages(of: name) else { return nil }
        return PageRanges(of: name, pages: pages, least: leastPages / 8)
    }

    /// Reads what `select` gives. Each COPY has a header of its own, and so a body of its own.
    func read(_ select: String, _ makeBody: () -> Body) throws {
        let body = makeBody()
        try session.copyOut(Self.copy(select), cancellation) { try body(0, $0) }
    }

    /// Reads what `select` gives for all ranges, over all connections at once.
    ///
    /// - Parameter select: gets the condition that picks a range of the table that it calls `audience`.
    func read(
        _ ranges: PageRanges, _ select: @escaping @Sendable (_ condition: String) -> String,
        _ makeBody: @escaping @Sendable () -> Body
    ) throws {
        try run(ranges) { part, session, cancellation in
            while let range = ranges.next() {
                try cancellation.check()
                let body = makeBody()
                let upper = range.end.map { " AND audience.ctid < '(\($0),0)'" } ?? ""
                try session.copyOut(
                    Self.copy(select("audience.ctid >= '(\(range.start),0)'\(upper)")), cancellation
                ) { try body(part, $0) }
            }
        }
    }

    private static func copy(_ select: String) -> String { "COPY (\(select)) TO STDOUT (FORMAT binary)" }

    /// The pages of a table that is worth reading in parts; nil for any other.
    private func pages(of name: String) throws -> Int? {
        guard PQserverVersion(session.connection) >= Self.leastVersion else { return nil }
        let found = try session.query(
            """
            SELECT pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::pg_catalog.int8,
                   (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'shared_buffers')
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am a ON a.oid = c.relam
             WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
               AND NOT c.relhassubclass AND a.amname = 'heap' AND NOT pg_catalog.pg_is_in_recovery()
            """, [name])
        guard let pages = found.integer(0, 0), let buffers = found.integer(0, 1) else { return nil }
        return pages >= leastPages && pages <= buffers / 4 ? Int(pages) : nil
    }

    /// Runs `work` on every connection at once, each in a transaction that sees what the first one sees. One whose transaction
    /// has not begun when the first one has nothing left to do is not waited for.
    private func run(
        _ ranges: PageRanges,
        _ work: @escaping @Sendable (_ part: Int, PostgresSession, PostgresCancellation) throws -> Void
    ) throws {
        let snapshot = try session.query("SELECT pg_catalog.pg_export_snapshot()").text(0, 0) ?? ""
        let begin = begin + "; SET TRANSACTION SNAPSHOT '\(snapshot)'"
        let others = lanes.enumerated().map { index, lane in
            let part = PartRun()
            cancellation.add(part.cancellation)
            lane.begin { session in
                try part.cancellation.arm(session)
                defer { part.cancellation.disarm(session) }
                try session.transaction(begin, repeatable: false) { session in
                    try Self.lock(ranges.table, session)
                    guard part.hasBegun() else { return }
                    try work(index + 1, session, part.cancellation)
                }
            } completion: { result in
                if part.end(result) { ranges.takeAll() }
            }
            return part
        }
        let own = Result { try work(0, session, cancellation) }
        if case .failure = own { for part in others { part.cancellation.request() } }
        for part in others { part.wait { try? session.execute("SELECT") } }
        try own.get()
        for part in others { if let failure = part.failure { throw failure } }
    }

    /// Who waits for the table's lock behind somebody who waits for the first connection's would wait for ever.
    private static func lock(_ table: String, _ session: PostgresSession) throws {
        try session.execute("SET LOCAL lock_timeout = '1s'; SELECT FROM \(table) LIMIT 0")
    }
}

/// One further connection's share of the reading.
private final class PartRun: Sendable {
    private enum Standing {
        case waiting, begun, abandoned
        case failed(any Error)
    }

    /// Seconds after which the first connection shows that its transaction is not idle, while it waits for the others.
    private static let patience = 3

    let cancellation = PostgresCancellation()
    private let standing = Mutex(Standing.waiting)
    private let isOver = DispatchSemaphore(value: 0)

    /// False when nobody waits for it any more.
    func hasBegun() -> Bool {
        standing.withLock { standing in
            if case .abandoned = standing { return false }
            standing = .begun
            return true
        }
    }

    /// - Returns: whether the whole reading has failed with it. Before it has begun, an error only means that the others
    ///   read everything.
    func end(_ result: Result<Void, any Error>) -> Bool {
        defer { isOver.signal() }
        return standing.withLock { standing in
            guard case .begun = standing, case .failure(let error) = result else { return false }
            standing = .failed(error)
            return true
        }
    }

    /// Until it is over, if it has begun.
    func wait(_ showLife: () -> Void) {
        let hasBegun = standing.withLock { standing in
            guard case .waiting = standing else { return true }
            standing = .abandoned
            return false
        }
        guard hasBegun else { return }
        while isOver.wait(timeout: .now() + .seconds(Self.patience)) == .timedOut { showLife() }
    }

    var failure: (any Error)? {
        standing.withLock { if case .failed(let error) = $0 { error } else { nil } }
    }
}

/// Deals a table's pages out, a range at a time. The last range has no end.
final class PageRanges: Sendable {
    private static let count = 64
    /// Pages in a range at most: 32 MB of the table.
    private static let most = 4096

    /// The table's quoted name.
    let table: String
    let pages: Int
    private let width: Int
    private let taken = Atomic(0)

    init(of table: String, pages: Int, least: Int) {
        self.table = table
        self.pages = pages
        width = min(max(1, least, pages / Self.count), Self.most)
    }

    func next() -> (start: Int, end: Int?)? {
        let start = taken.add(1, ordering: .relaxed).oldValue * width
        guard start < pages else { return nil }
        return (start, start + width < pages ? start + width : nil)
    }

    /// Leaves nothing for anybody: the reading has failed.
    func takeAll() { taken.store(pages, ordering: .relaxed) }
}
