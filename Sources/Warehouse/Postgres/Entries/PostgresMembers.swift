import Foundation
import RollcallCore

/// The fingerprints of one sync's `list_members`, and what is known of each, as they come over a binary COPY.
struct PostgresMembers {
    let sync: String
    let list: Int64
    /// `list_members` with its schema, quoted.
    let table: String

    typealias Body = (Fingerprint, MemberState, _ listed: Bool) throws -> Void

    func read(
        _ reading: PostgresReading, _ body: @escaping @Sendable (Int, Fingerprint, MemberState, Bool) throws -> Void
    ) throws {
        try reading.read { session in
            // The lock first: see PostgresReading.
            try session.execute("SELECT FROM \(table) LIMIT 0")
            let condition = try condition(session)
            guard let ranges = try reading.ranges(of: table), try isLargeShare(of: ranges.pages, session) else {
                return PostgresReading.Work(select: "SELECT \(Self.columns) FROM \(table) WHERE \(condition)") {
                    let reader = BinaryCopyReader()
                    return { part, message in try Self.readRows(reader, message) { try body(part, $0, $1, $2) } }
                }
            }
            // As a filter of the aggregate: with it in WHERE, and without statistics, the server would take the primary key.
            let filter = try isAlone(session) ? "" : " FILTER (WHERE \(condition))"
            let select = "SELECT \(Self.packed)\(filter) FROM \(table) AS audience"
            return PostgresReading.Work(select: select, ranges: ranges, selectRange: { "\(select) WHERE \($0)" }) {
                let reader = BinaryCopyReader()
                return { part, message in try Self.readPacked(reader, message) { try body(part, $0, $1, $2) } }
            }
        }
    }

    /// COPY takes no parameters: the name is quoted by the server.
    private func condition(_ session: PostgresSession) throws -> String {
        let name = try session.query("SELECT quote_literal($1)", [sync]).text(0, 0) ?? "''"
        return "sync_name = \(name) AND list_id = \(list)"
    }

    /// Whether the sync's members are, by its latest runs, an eighth of the table or more: of fewer, the index is the
    /// shorter way. Some sixty members are on a page.
    private func isLargeShare(of pages: Int, _ session: PostgresSession) throws -> Bool {
        let latest = try session.query(
            "SELECT max(audience_size) FROM (SELECT audience_size FROM sync_runs WHERE sync_name = $1"
                + " ORDER BY run_id DESC LIMIT 2) AS latest", [sync])
        return latest.count(0, 0) >= pages * 8
    }

    /// Whether all members in the table are of this sync and list, so that none of them needs to be asked: the first and the
    /// last of the index are.
    private func isAlone(_ session: PostgresSession) throws -> Bool {
        for order in ["", " DESC"] {
            let edge = try session.query(
                "SELECT sync_name = $1 AND list_id = $2::bigint FROM \(table) ORDER BY sync_name\(order), list_id\(order) LIMIT 1",
                [sync, String(list)])
            guard edge.boolean(0, 0) else { return false }
        }
        return true
    }

    // MARK: Rows

    /// A row for each member. Nearly all are subscribed and listed: a NULL is the shortest way to say so.
    private static let columns = "fingerprint, CASE WHEN \(isUsual) THEN NULL ELSE state || listed::text END"

    /// All members in one value, 16 bytes each, which the server says and we read in much less time than as many rows. Where
    /// a member is not subscribed and listed, 16 zero bytes stand before it and its state, in 32 bytes, behind it.
    private static let packed = """
        string_agg(CASE WHEN \(isUsual) THEN uuid_send(fingerprint)
                        ELSE decode(repeat('0', 32), 'hex') || uuid_send(fingerprint)
                             || convert_to(rpad(state || listed::text, 32), 'UTF8') END, '')
        """

    private static let isUsual = "listed AND state = 'subscribed'"
    private static let stateLength = 32

    /// Reads a message of a COPY of ``columns``.
    @inline(__always)
    private static func readRows(_ reader: BinaryCopyReader, _ message: UnsafeRawBufferPointer, _ body: Body) throws {
        try reader.read(message, fields: 2) { row in
            guard try row.integer(Int32.self) == 16 else { throw BinaryFieldCursor.broken }
            let fingerprint = try fingerprint(&row)
            guard let exception = try row.field() else { return try body(fingerprint, .subscribed, true) }
            let (state, listed) = try standing(exception)
            try body(fingerprint, state, listed)
        }
    }

    /// Reads a message of a COPY of ``packed``.
    @inline(__always)
    private static func readPacked(_ reader: BinaryCopyReader, _ message: UnsafeRawBufferPointer, _ body: Body) throws {
        try reader.read(message, fields: 1) { row in
            guard let members = try row.field() else { return }  // none in this range
            var cursor = BinaryFieldCursor(members)
            while !cursor.isAtEnd {
                let first = try fingerprint(&cursor)
                if first != zero {
                    try body(first, .subscribed, true)
                } else {
                    let fingerprint = try fingerprint(&cursor)
                    let (state, listed) = try standing(try cursor.bytes(stateLength))
                    try body(fingerprint, state, listed)
                }
            }
        }
    }

    private static let zero = Fingerprint(high: 0, low: 0)

    @inline(__always)
    private static func fingerprint(_ cursor: inout BinaryFieldCursor) throws -> Fingerprint {
        Fingerprint(high: try cursor.integer(UInt64.self), low: try cursor.integer(UInt64.self))
    }

    /// A state and whether it is listed: `rejectedfalse`, with blanks behind it.
    private static func standing(_ bytes: UnsafeRawBufferPointer) throws -> (MemberState, Bool) {
        let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespaces)
        for (word, listed) in [("true", true), ("false", false)] where text.hasSuffix(word) {
            if let state = MemberState(rawValue: String(text.dropLast(word.count))) { return (state, listed) }
        }
        throw BinaryFieldCursor.broken
    }
}
