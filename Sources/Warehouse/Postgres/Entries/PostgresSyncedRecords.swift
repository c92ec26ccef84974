import RollcallCore

/// The fingerprints of one sync's `synced_records`, and what is known of each, as they come over a binary COPY.
struct PostgresSyncedRecords {
    let sync: String
    let kind: RecordKind
    /// `synced_records` with its schema, quoted.
    let table: String

    typealias Body = (KnownContent) throws -> Void

    func read(_ reading: PostgresReading, _ body: @escaping @Sendable (KnownContent) throws -> Void) throws {
        try reading.read { session in
            // The lock first: see PostgresReading.
            try session.execute("SELECT FROM \(table) LIMIT 0")
            // COPY takes no parameters: the name is quoted by the server.
            let name = try session.query("SELECT quote_literal($1)", [sync]).text(0, 0) ?? "''"
            let select = "SELECT \(Self.columns) FROM \(table) WHERE sync_name = \(name) AND kind = '\(kind.rawValue)'"
            return PostgresReading.Work(select: select) {
                let reader = BinaryCopyReader()
                return { _, message in try Self.read(reader, message, body) }
            }
        }
    }

    /// Nearly all are synced and owned: a NULL is the shortest way to say so.
    private static let columns = """
        fingerprint, content, CASE WHEN owned AND state = '\(EntryWords.records.word(.subscribed))' THEN NULL ELSE state END, owned,
        values_held
        """

    private static func read(_ reader: BinaryCopyReader, _ message: UnsafeRawBufferPointer, _ body: Body) throws {
        try reader.read(message, fields: 5) { row in
            guard try row.integer(Int32.self) == 16 else { throw BinaryFieldCursor.broken }
            let fingerprint = Fingerprint(high: try row.integer(UInt64.self), low: try row.integer(UInt64.self))
            guard let content = try row.field() else { throw BinaryFieldCursor.broken }
            let word = try row.field()
            guard let owned = try row.field() else { throw BinaryFieldCursor.broken }
            let state = word.map { EntryWords.records.state(String(decoding: $0, as: UTF8.self)) } ?? .subscribed
            guard let state else { throw BinaryFieldCursor.broken }
            var known = KnownContent(
                fingerprint: fingerprint, state: state, listed: owned.first == 1,
                content: try BinaryFieldCursor.integer(content))
            if let held = try row.field() { known.held = held }
            try body(known)
        }
    }
}
