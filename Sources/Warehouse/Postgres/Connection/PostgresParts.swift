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
        guard !lanes.isEmpty, let pages = try name.flatMap({ try pages(of: $0) }) else { return nil }
        return PageRanges(pages: pages, least: leastPages / 8)
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
        try run { part, session, cancellation in
            while let range = ranges.next() {
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

    /// Runs `work` on every connection at once, each in a transaction that sees what the first one sees.
    private func run(
        _ work: @escaping @Sendable (_ part: Int, PostgresSession, PostgresCancellation) throws -> Void
    ) throws {
        let snapshot = try session.query("SELECT pg_catalog.pg_export_snapshot()").text(0, 0) ?? ""
        let group = DispatchGroup()
        let failure = Mutex<(any Error)?>(nil)
        let others = lanes.map { _ in PostgresCancellation() }
        for (index, lane) in lanes.enumerated() {
            let other = others[index]
            cancellation.add(other)
            group.enter()
            let hasBegun = Mutex(false)
            let begin = begin + "; SET TRANSACTION SNAPSHOT '\(snapshot)'"
            lane.begin { session in
                try other.arm(session)
                defer { other.disarm(session) }
                try session.transaction(begin, repeatable: false) { session in
                    hasBegun.withLock { $0 = true }
                    try work(index + 1, session, other)
                }
            } completion: { result in
                if case .failure(let error) = result, hasBegun.withLock({ $0 }) {
                    failure.withLock { $0 = $0 ?? error }
                }
                group.leave()
            }
        }
        do {
            try work(0, session, cancellation)
        } catch {
            for other in others { other.request() }
            group.wait()
            throw error
        }
        group.wait()
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}

/// Deals a table's pages out, a range at a time. The last range has no end.
final class PageRanges: Sendable {
    private static let count = 64
    /// Pages in a range at most: 32 MB of the table.
    private static let most = 4096

    let pages: Int
    private let width: Int
    private let taken = Atomic(0)

    init(pages: Int, least: Int) {
        self.pages = pages
        width = min(max(1, least, pages / Self.count), Self.most)
    }

    func next() -> (start: Int, end: Int?)? {
        let start = taken.add(1, ordering: .relaxed).oldValue * width
        guard start < pages else { return nil }
        return (start, start + width < pages ? start + width : nil)
    }
}
