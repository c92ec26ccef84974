import CLibPQ
import Foundation
import Synchronization

/// Reads the rows of a query or table in one consistent view, over one connection or several.
///
/// A transaction that takes its snapshot before it has the locks of what it reads can see a table empty: TRUNCATE and the
/// forms of ALTER TABLE that rewrite a table are not MVCC-safe (PostgreSQL's documentation, section 13.6, "Caveats"), and
/// neither are renames. So every reading begins in READ COMMITTED: a first statement reads nothing and takes the locks of
/// all that the real one will read, and only then the real one takes its snapshot.
struct PostgresReading {
    /// The connection that has the locks, and reads.
    let session: PostgresSession
    let cancellation: PostgresCancellation
    /// Connections for further parts, opened when needed; one that cannot be had is done without.
    let workers: [PostgresWorker]
    /// How each transaction begins: a BEGIN with its SET LOCALs.
    let begin: @Sendable (Isolation) -> String
    /// Tables of fewer pages are read over one connection.
    let leastPages: Int
    /// And all tables of older servers.
    let leastVersion: Int

    enum Isolation: String, Sendable {
        case readCommitted = "READ COMMITTED"
        case repeatableRead = "REPEATABLE READ"
    }

    /// What a part does with each message of one COPY.
    typealias Body = (_ part: Int, UnsafeRawBufferPointer) throws -> Void

    /// What is read. Each COPY begins with its header, and so needs its own body.
    struct Work: Sendable {
        /// A SELECT of all rows.
        var select: String
        /// The pages of the table behind it, where it can be read in parts.
        var ranges: PageRanges?
        /// A SELECT of the rows that meet a condition on `audience.ctid`.
        var selectRange: @Sendable (_ condition: String) -> String = { _ in "" }
        var makeBody: @Sendable () -> Body
        /// Counts the bytes that come; nil: they are not counted.
        var meter: ReadMeter?
        /// Notes that rows came.
        fileprivate(set) var given = GivenRows()
    }

    /// Reads everything.
    ///
    /// - Parameter prepare: takes the locks, in the transaction that is open, and says what to read.
    func read(_ prepare: (PostgresSession) throws -> Work) throws {
        let given = GivenRows()
        try given.during {
            try readAll {
                var work = try prepare($0)
                work.given = given
                return work
            }
        }
    }

    private func readAll(_ prepare: (PostgresSession) throws -> Work) throws {
        var mayShare = true
        while true {
            let shared = try session.transaction(begin(.readCommitted), mayRepeat: { false }) {
                session -> SharedReading? in
                let work = try prepare(session)
                if mayShare, let ranges = work.ranges, let shared = share(work, ranges) { return shared }
                try work.copy(work.select, part: 0, session, cancellation)
                return nil
            }
            guard let shared else { return }
            do {
                return try read(shared)
            } catch is SharedReading.NotBegun {
                mayShare = false
            }
        }
    }
}

extension PostgresReading.Work {
    /// Reads the rows of one COPY of ``select`` or of a part of it, with a body of their own.
    func copy(
        _ select: String, part: Int, _ session: PostgresSession, _ cancellation: PostgresCancellation
    ) throws {
        let body = makeBody()
        try session.copyOut(select, cancellation, meter, given) { try body(part, $0) }
    }
}

// MARK: Over several connections

extension PostgresReading {
    /// The pages of a table, to be dealt out; nil: it is read over one connection.
    ///
    /// Pages are dealt out in ranges of `ctid`, which PostgreSQL reads without an index since version 14. Such a scan goes
    /// through the server's buffers as any small scan does, where a sequential scan of a table larger than a quarter of them
    /// would spare them (PostgreSQL's source, `initscan`). Larger tables are therefore read over one connection.
    ///
    /// - Parameter name: quoted, as `regclass` reads it; nil for a query.
    func ranges(of name: String?) throws -> PageRanges? {
        guard !workers.isEmpty, let name, session.version >= leastVersion else { return nil }
        let sizes = try session.attempt { try Self.sizes(of: name, session) } ?? nil
        guard let (pages, buffers) = sizes, pages >= leastPages, pages <= buffers / 4 else { return nil }
        return PageRanges(of: name, pages: Int(pages), least: leastPages / 8)
    }

    /// Pages of a table and of the server's buffers; nil: it is not one that can be read in ranges.
    static func sizes(of name: String, _ session: PostgresSession) throws -> (pages: Int64, buffers: Int64)? {
        let found = try session.query(
            """
            SELECT pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::pg_catalog.int8,
                   (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'shared_buffers')
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am a ON a.oid = c.relam
             WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
               AND NOT c.relhassubclass AND a.amname = 'heap' AND NOT pg_catalog.pg_is_in_recovery()
            """, [name])
        guard let pages = found.integer(0, 0), let buffers = found.integer(0, 1) else { return nil }
        return (pages, buffers)
    }

    /// Begins a transaction on another connection, whose snapshot is taken while this one has the locks; nil where that
    /// connection is not there in time.
    private func share(_ work: Work, _ ranges: PageRanges) -> SharedReading? {
        let shared = SharedReading(work, ranges, begin: begin(.repeatableRead))
        for (index, worker) in workers.enumerated() { shared.add(worker, part: index + 1, cancellation) }
        if shared.awaitSnapshot() { return shared }
        shared.giveUp()
        return nil
    }

    /// Reads in parts, the first of them over this connection. The transaction that had the locks has ended; another one
    /// has them too.
    ///
    /// - Throws: ``SharedReading/NotBegun`` when nothing was read: another session waits for a lock that conflicts, and this
    ///   connection would wait behind it for ever, as it waits for the connection that has the lock.
    private func read(_ shared: SharedReading) throws {
        var hasBegun = false
        do {
            try session.transaction(shared.begin, mayRepeat: { false }) { session in
                try session.execute("SET LOCAL lock_timeout = '1s'; SELECT FROM \(shared.ranges.table) LIMIT 0")
                hasBegun = true
                try shared.read(session, cancellation)
            }
        } catch {
            shared.giveUp()
            if !hasBegun, !cancellation.isRequested { throw SharedReading.NotBegun() }
            throw error
        }
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

    /// Leaves nothing for any part: the reading has failed.
    func takeAll() { taken.store(pages, ordering: .relaxed) }
}
