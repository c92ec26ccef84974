import RollcallCore

/// The fingerprints of one sync's `synced_records` or `list_members`, and what is known of each and of its content, as they come
/// over a binary COPY.
struct PostgresContents {
    let sync: String
    let entries: EntrySet
    /// With its schema, quoted.
    let table: String

    private var words: EntryWords { EntryWords(entries) }

    typealias Body = (KnownContent) throws -> Void

    func read(_ reading: PostgresReading, _ body: @escaping @Sendable (KnownContent) throws -> Void) throws {
        try reading.read { session in
            // The lock first: see PostgresReading.
            try session.execute("SELECT FROM \(table) LIMIT 0")
            // COPY takes no parameters: the name is quoted by the server.
            let name = try session.query("SELECT quote_literal($1)", [sync]).text(0, 0) ?? "''"
            let select = "SELECT \(try columns(session)) FROM \(table) WHERE sync_name = \(name) AND \(isOfSet)"
            let words = words
            return PostgresReading.Work(select: select) {
                let reader = BinaryCopyReader()
                return { _, message in try Self.read(reader, message, words, body) }
            }
        }
    }

    private var isOfSet: String {
        switch entries {
        case .list(let list): "list_id = \(list)"
        case .records(let kind): "kind = '\(kind.rawValue)'"
        }
    }

    /// Nearly all are synced and owned: a NULL is the shortest way to say so. Tables which no run has upgraded yet have no fields of
    /// members.
    private func columns(_ session: PostgresSession) throws -> String {
        let isKnown = try words.areRecords || session.hasColumn("values_held", of: words.table)
        return """
            fingerprint, \(isKnown ? "COALESCE(content, 0)" : "0::bigint"),
            CASE WHEN \(words.listed) AND state = '\(words.word(.subscribed))' THEN NULL ELSE state END, \(words.listed),
            \(isKnown ? "values_held" : "NULL::bytea")
            """
    }

    private static func read(
        _ reader: BinaryCopyReader, _ message: UnsafeRawBufferPointer, _ words: EntryWords, _ body: Body
    ) throws {
        try reader.read(message, fields: 5) { row in
            guard try row.integer(Int32.self) == 16 else { throw BinaryFieldCursor.broken }
            let fingerprint = Fingerprint(high: try row.integer(UInt64.self), low: try row.integer(UInt64.self))
            guard let content = try row.field() else { throw BinaryFieldCursor.broken }
            let word = try row.field()
            guard let owned = try row.field() else { throw BinaryFieldCursor.broken }
            let state = word.map { words.state(String(decoding: $0, as: UTF8.self)) } ?? .subscribed
            guard let state else { throw BinaryFieldCursor.broken }
            var known = KnownContent(
                fingerprint: fingerprint, state: state, listed: owned.first == 1,
                content: try BinaryFieldCursor.integer(content))
            if let held = try row.field() { known.held = held }
            try body(known)
        }
    }
}
