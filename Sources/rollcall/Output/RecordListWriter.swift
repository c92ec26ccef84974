import RollcallCore
import Warehouse

/// Writes records as they come: JSON and CSV in bounded memory, tables whole.
struct RecordListWriter {
    private let kind: RecordKind
    private let console: Console
    private var stream: ListingStream
    var count: Int { stream.count }

    var words: KindWords { kind.words }

    init(_ kind: RecordKind, _ format: OutputFormat, _ console: Console) {
        self.kind = kind
        self.console = console
        stream = ListingStream(
            columns: kind == .events ? StoredEvent.columns : MemberEntry.columns(kind), format, console)
    }

    mutating func add(_ row: [Value]) { stream.add(row) }

    func end() {
        let table = kind == .events ? events : entries
        stream.end(table: table.rows.isEmpty ? "no \(words.entries)" : TextTable(table).render(on: console))
    }

    private var events: Listing {
        var short = Listing(columns: [
            "state", "since (UTC)", "event_id", "key", "event_name", "email", "user_id", "why",
        ])
        short.rows = stream.listing.rows.map { row in
            [
                row[2], .text(row[4].shown), row[1], row[5], row[6], row[7], row[8], Self.reason(row[9], row[10]),
            ]
        }
        for column in [7, 6, 5, 4, 3] where short.rows.allSatisfy({ $0[column].plain.isEmpty }) { short.drop(column) }
        return short
    }

    private var entries: Listing {
        let names = MemberEntry.names(kind)
        var short = Listing(columns: ["state", "since (UTC)"] + names + ["why"])
        let first = names.count
        short.rows = stream.listing.rows.map { row in
            [row[first], .text(row[first + 2].shown)] + row[..<first]
                + [Self.reason(row[first + 3], row[first + 4])]
        }
        // The id of an item is mostly the key itself.
        if kind == .catalog, short.rows.allSatisfy({ $0[2] == $0[3] }) { short.drop(3) }
        for column in short.columns.indices.dropFirst(2).reversed()
        where short.rows.allSatisfy({ $0[column].plain.isEmpty }) {
            short.drop(column)
        }
        return short
    }

    private static func reason(_ code: Value, _ reason: Value) -> Value {
        .text([code.plain, reason.plain].filter { !$0.isEmpty }.joined(separator: ": "))
    }
}

extension MemberEntry {
    /// What a record is known by.
    static func names(_ kind: RecordKind) -> [String] {
        switch kind {
        case .list, .events: ["email", "user_id"]
        case .users: ["record_key", "email", "user_id"]
        case .catalog: ["record_key", "item_id"]
        }
    }

    static func columns(_ kind: RecordKind) -> [String] {
        names(kind) + ["state", "since_run_id", "since", "error_code", "error_reason"]
    }

    /// The values of ``columns(_:)``.
    func row(_ kind: RecordKind) -> [Value] {
        let person = [Value(member.identity.email), Value(member.identity.userID)]
        let key = Value(member.record?.key)
        let names =
            switch kind {
            case .list, .events: person
            case .users: [key] + person
            case .catalog: [key, Value(member.record?.itemID)]
            }
        return names + [
            .text(member.state.word(kind)), .text(sinceRunID), .time(since), Value(member.rejection?.code),
            Value(member.rejection?.reason),
        ]
    }
}
