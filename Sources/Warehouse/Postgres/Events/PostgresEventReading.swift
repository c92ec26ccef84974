import RollcallCore

/// The keys of one sync's `seen_events`, and what a plan compares of each, as they come over a binary COPY.
struct PostgresEventReading {
    let sync: String
    /// Only what lies at this position or later, has none, or is unfinished; nil: everything.
    let position: Int64?
    /// The table with its schema, quoted.
    let table: String

    typealias Body = (KnownEvent) throws -> Void

    func read(_ reading: PostgresReading, _ body: @escaping @Sendable (KnownEvent) throws -> Void) throws {
        try reading.read { session in
            // The lock first: see PostgresReading.
            try session.execute("SELECT FROM \(table) LIMIT 0")
            // COPY takes no parameters: the name is quoted by the server.
            let name = try session.query("SELECT quote_literal($1)", [sync]).text(0, 0) ?? "''"
            return PostgresReading.Work(select: select(name)) {
                let reader = BinaryCopyReader()
                return { _, message in try Self.read(reader, message, body) }
            }
        }
    }

    /// Nearly all were sent: a NULL is the shortest way to say so.
    private func rows(_ name: String) -> String {
        """
        SELECT event_key, position, content, CASE WHEN state <> '\(EventState.sent.rawValue)' THEN state END FROM \(table)
         WHERE sync_name = \(name)
        """
    }

    /// In parts, each of which goes along an index.
    private func select(_ name: String) -> String {
        guard let position else { return rows(name) }
        let start = "'\(position)'::bigint"
        let parts = [
            "position >= \(start)", "position IS NULL",
            "position < \(start) AND state IN \(EventWords.list(\.isUnfinished))",
        ]
        return parts.map { "\(rows(name)) AND \($0)" }.joined(separator: " UNION ALL ")
    }

    private static func read(_ reader: BinaryCopyReader, _ message: UnsafeRawBufferPointer, _ body: Body) throws {
        try reader.read(message, fields: 4) { row in
            guard try row.integer(Int32.self) == 16 else { throw BinaryFieldCursor.broken }
            let key = Fingerprint(high: try row.integer(UInt64.self), low: try row.integer(UInt64.self))
            let position = try row.field().map { try BinaryFieldCursor.integer($0) }
            let content = try row.field().map { try BinaryFieldCursor.integer($0) }
            let word = try row.field()
            let state = word.map { EventState(rawValue: String(decoding: $0, as: UTF8.self)) } ?? .sent
            guard let state else { throw BinaryFieldCursor.broken }
            try body(KnownEvent(key: key, state: state, content: content, position: position))
        }
    }
}
