internal import RollcallCore

/// The keys that syncs of events have; those of streams other kinds have too.
enum EventSyncKeys {
    private static let events = [RecordKind.events.rawValue]
    private static let streamed = [RecordKind.users, .events, .catalog].map(\.rawValue)

    static let event = ConfigurationKey(
        "event", .section(EventKeys.section), "What the columns say of an event, but for its fields.",
        isRequired: true, variants: events)
    static let start = ConfigurationKey(
        "start", .anyOf([.choice([now, all]), .span(minimum: 1), .text(TextRule(pattern: timePattern))]),
        "Which of the rows that are there at the first run are sent; the others count as seen. now: none of them; all; "
            + "a date, or a time with its zone: those since then; a span such as 30d: those of so long.",
        defaultValue: .string(now), example: .string("30d"), variants: events)
    static let cursor = ConfigurationKey(
        "cursor", .anyOf([.text(TextRule()), .section(CursorKeys.section)]),
        "Column by which new rows are found, of users and catalogs those that have changed too; left out: each run reads the "
            + "whole source. Of users and catalogs it is of use to a stream alone.",
        example: .string("loaded_at"), variants: streamed)
    static let changedRows = ConfigurationKey(
        "changed_rows", .choice(EventSettings.ChangedRows.allCases.map(\.rawValue)),
        "ignore: a row that was sent is not sent again; update: if it has changed it is, under the same id, which "
            + "replaces the event in Iterable.",
        defaultValue: .string(EventSettings.ChangedRows.ignore.rawValue), variants: events)
    static let after = ConfigurationKey(
        "after", .text(TextRule()),
        "Name of a sync of kind users with the same destination and warehouse: events wait until Iterable has their "
            + "person from it.", example: .string("customers"), variants: events)
    static let waitForUser = ConfigurationKey(
        "wait_for_user", .span(minimum: 0),
        "How long an event waits for its person to appear in Iterable, from when it was first read; then it fails.",
        defaultValue: .string("24h"), variants: events)
    static let delivery = ConfigurationKey(
        "delivery", .choice(EventSettings.Delivery.allCases.map(\.rawValue)),
        "bulk: many events in a request; single: one.",
        defaultValue: .string(EventSettings.Delivery.bulk.rawValue), variants: events)
    static let stream = ConfigurationKey(
        "stream", .section(StreamKeys.section),
        "In place of schedule: rollcall serve sends new rows as they come, instead of at set times. Needs cursor. "
            + "{}: with the defaults.", variants: streamed)

    static let now = "now"
    static let all = "all"

    /// A date, or a time with its zone, of ISO 8601; ECMA 262.
    private static let timePattern =
        "^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
        + "(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9]))?$"
}

/// What stands below `event`.
enum EventKeys {
    static let name = ConfigurationKey(
        "name", .anyOf([.text(TextRule()), .section(EventNameKeys.section)]),
        "Column with the name of the event; { value: order_placed } gives all of them that name.", isRequired: true,
        example: .object([.init("value", .string("order_placed"))]))
    static let names = ConfigurationKey(
        "names", .texts(1...Int.max), "Beside a column of names: rows with another name are left out.")
    static let id = ConfigurationKey(
        "id", .anyOf([.text(TextRule()), .section(EventIDKeys.section)]),
        "derived: the id is made of the namespace and the key. Or a column whose text is the id: up to 512 letters, "
            + "digits and hyphens. A column that is called derived is written { column: derived }.",
        defaultValue: .string(derived))
    static let namespace = ConfigurationKey(
        "namespace", .text(TextRule(pattern: "^.{1,\(longestNamespace)}$")),
        "A part of derived ids, which keeps those of several syncs apart; left out: the name of the sync. With another "
            + "one, all events have other ids.", example: .string("orders"))
    static let createdAt = ConfigurationKey(
        "created_at", .anyOf([.text(TextRule()), .section(EventTimeKeys.section)]),
        "Column with the time at which the event happened; left out: Iterable takes the time at which it receives it.",
        example: .string("placed_at"))
    static let campaignID = ConfigurationKey(
        "campaign_id", number, "The campaign that the event belongs to: a column with its id, or { value: 123 }.",
        example: .string("campaign_id"))
    static let templateID = ConfigurationKey(
        "template_id", number, "The template that the event belongs to: a column with its id, or { value: 123 }.",
        example: .string("template_id"))

    static let derived = "derived"
    static let longestNamespace = 100

    private static let number = ValueKind.anyOf([.text(TextRule()), .section(EventNumberKeys.section)])

    static let section = ConfigurationSection(
        keys: [name, names, id, namespace, createdAt, campaignID, templateID])
}

enum EventNameKeys {
    static let column = ConfigurationKey(
        "column", .text(TextRule()), "The column.", example: .string("event_name"))
    static let value = ConfigurationKey(
        "value", .text(TextRule()), "A constant, the same for every event.", example: .string("order_placed"))

    static let section = ConfigurationSection(keys: [column, value], exactlyOneOf: ["column", "value"])
}

enum EventIDKeys {
    static let column = ConfigurationKey(
        "column", .text(TextRule()), "The column.", isRequired: true, example: .string("event_id"))

    static let section = ConfigurationSection(keys: [column])
}

enum EventTimeKeys {
    static let column = ConfigurationKey(
        "column", .text(TextRule()), "The column.", isRequired: true, example: .string("placed_at"))
    static let unit = ConfigurationKey(
        "unit", .choice(EventSettings.TimeUnit.allCases.map(\.rawValue)),
        "What a column of whole numbers counts from 1970 on: s, seconds; ms, milliseconds. For such columns only, and "
            + "required there.")

    static let section = ConfigurationSection(keys: [column, unit])
}

enum EventNumberKeys {
    static let column = ConfigurationKey(
        "column", .text(TextRule()), "The column.", example: .string("campaign_id"))
    static let value = ConfigurationKey(
        "value", .integer(1...Int64.max), "A constant, the same for every event.", example: .integer(123))
    static let fallback = ConfigurationKey(
        "default", .integer(1...Int64.max), "What is sent where the column is NULL.", example: .integer(123))

    static let section = ConfigurationSection(keys: [column, value, fallback], exactlyOneOf: ["column", "value"])
}

enum CursorKeys {
    static let column = ConfigurationKey(
        "column", .text(TextRule()), "A column of times or whole numbers that grow with each new row.",
        isRequired: true, example: .string("loaded_at"))
    static let overlap = ConfigurationKey(
        "overlap", .anyOf([.integer(0...Int64.max), .span(minimum: 0)]),
        "How far before the highest value a run reads again, for rows that became visible late: a span, or a number "
            + "where the column has whole numbers. Left out: 15m, or 10000.", example: .string("15m"))
    static let sweep = ConfigurationKey(
        "sweep", .span(minimum: 5),
        "How often a run reads further back: from where the cursor stood two such runs ago. Of users and catalogs: how often "
            + "the stream reads the whole source, which finds who left.",
        defaultValue: .string("24h"))

    static let section = ConfigurationSection(keys: [column, overlap, sweep])
}
