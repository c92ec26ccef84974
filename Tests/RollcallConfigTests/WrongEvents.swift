import Testing

/// One change that spoils a sync of events, and everything that is said about it.
struct WrongEvents: Sendable, CustomTestStringConvertible {
    /// The lines of the sync.
    var sync: String
    /// The change itself.
    var testDescription: String
    var headline: String
    var hint: String?

    init(_ part: EventsSample.Part, _ new: String, _ headline: String, hint: String? = nil) {
        sync = EventsSample.replacing(part, with: new)
        testDescription = new.isEmpty ? "no \(part)" : new
        self.headline = "rollcall.yaml:\(headline)"
        self.hint = hint
    }

    /// Another content of `event`.
    init(event: String, _ headline: String, hint: String? = nil) {
        self.init(.event, "event: { \(event) }", headline, hint: hint)
    }

    /// Other fields.
    init(fields: String, _ headline: String, hint: String? = nil) {
        self.init(.fields, "fields: { \(fields) }", headline, hint: hint)
    }

    /// One line more.
    init(line: String, _ headline: String, hint: String? = nil) {
        self.init(.fields, "\(EventsSample.Part.fields.rawValue)\n\(line)", headline, hint: hint)
        testDescription = line
    }

    /// Lines behind a cursor.
    init(streamed lines: String, _ headline: String, hint: String? = nil) {
        self.init(line: "cursor: loaded_at\n\(lines)", headline, hint: hint)
        testDescription = lines
    }
}

extension WrongEvents {
    static let all = [event, rules, streams, guards, foreign, fields, parts].flatMap(\.self)

    /// What stands below `event`.
    private static let event = [
        WrongEvents(event: "created_at: placed_at", "15:5: the key \"name\" is missing in syncs.orders.event"),
        WrongEvents(event: "nmae: status", "15:14: unknown key \"nmae\" in syncs.orders.event; did you mean \"name\"?"),
        WrongEvents(
            event: "name: 5", "15:20: syncs.orders.event.name \"5\" is a number, not text; did you mean \"5\"?"),
        WrongEvents(event: "name: \"\"", "15:20: syncs.orders.event.name is empty"),
        WrongEvents(event: "name: [a, b]", "15:20: syncs.orders.event.name is a list, not a single value"),
        WrongEvents(event: "name: {}", "15:14: syncs.orders.event.name needs exactly one of column or value"),
        WrongEvents(
            event: "name: { value: a, column: b }",
            "15:32: syncs.orders.event.name gives value and column; exactly one of column or value is allowed",
            hint: "Keep one of them."),
        WrongEvents(
            event: "name: { value: 7 }",
            "15:29: syncs.orders.event.name.value \"7\" is a number, not text; did you mean \"7\"?"),
        WrongEvents(
            event: "name: { value: \"a\\nb\" }",
            "15:29: syncs.orders.event.name.value \"a\\nb\" contains a line break or a control character"),
        WrongEvents(
            event: "name: { value: a }, names: [b]",
            "15:34: syncs.orders.event.names leaves out the name that all events have",
            hint: "Add \"a\" to the names, or take them out."),
        WrongEvents(event: "name: status, names: []", "15:28: syncs.orders.event.names is an empty list"),
        WrongEvents(
            event: "name: status, names: shipped", "15:28: syncs.orders.event.names is not a list of that many texts"),
        WrongEvents(
            event: "name: status, names: [a, 1]",
            "15:39: syncs.orders.event.names.1 \"1\" is a number, not text; did you mean \"1\"?"),
        WrongEvents(
            event: "name: status, id: 7",
            "15:32: syncs.orders.event.id \"7\" is a number, not text; did you mean \"7\"?"),
        WrongEvents(event: "name: status, id: {}", "15:28: the key \"column\" is missing in syncs.orders.event.id"),
        WrongEvents(event: "name: status, id: { column: }", "15:34: syncs.orders.event.id.column has no value"),
        WrongEvents(event: "name: status, namespace: \"\"", "15:39: syncs.orders.event.namespace is empty"),
        WrongEvents(
            event: "name: status, namespace: 2024",
            "15:39: syncs.orders.event.namespace \"2024\" is a number, not text; did you mean \"2024\"?"),
        WrongEvents(
            event: "name: status, namespace: \"a\\tb\"",
            "15:39: syncs.orders.event.namespace \"a\\tb\" contains a line break or a control character"),
        WrongEvents(
            event: "name: status, created_at: { unit: ms }",
            "15:28: the key \"column\" is missing in syncs.orders.event.created_at"),
        WrongEvents(
            event: "name: status, created_at: { column: t, unit: us }",
            "15:59: syncs.orders.event.created_at.unit \"us\" is not one of the choices"),
        WrongEvents(
            event: "name: status, created_at: { column: t, unit: seconds }",
            "15:59: syncs.orders.event.created_at.unit \"seconds\" is not one of the choices; did you mean \"s\"?"),
        WrongEvents(
            event: "name: status, createdAt: t",
            "15:28: unknown key \"createdAt\" in syncs.orders.event; did you mean \"created_at\"?"),
        WrongEvents(
            event: "name: status, campaign_id: 123",
            "15:41: syncs.orders.event.campaign_id \"123\" is a number, where a column is expected; did you mean { "
                + "value: 123 }?"),
        WrongEvents(
            event: "name: status, campaign_id: { value: many }",
            "15:50: syncs.orders.event.campaign_id.value \"many\" is not a whole number"),
        WrongEvents(
            event: "name: status, campaign_id: { value: 0 }",
            "15:50: syncs.orders.event.campaign_id.value \"0\" is out of range"),
        WrongEvents(
            event: "name: status, campaign_id: { value: 9223372036854775808 }",
            "15:50: syncs.orders.event.campaign_id.value \"9223372036854775808\" is out of range"),
        WrongEvents(
            event: "name: status, campaign_id: { value: 1, default: 2 }",
            "15:53: syncs.orders.event.campaign_id.default has no effect beside value", hint: "Take it out."),
        WrongEvents(
            event: "name: status, campaign_id: { column: c, value: 2 }",
            "15:54: syncs.orders.event.campaign_id gives column and value; exactly one of column or value is allowed",
            hint: "Keep one of them."),
        WrongEvents(
            event: "name: status, template_id: { default: 2 }",
            "15:28: syncs.orders.event.template_id needs exactly one of column or value"),
        WrongEvents(
            event: "name: status, template_id: { column: t, default: \"5\" }",
            "15:63: syncs.orders.event.template_id.default \"5\" is not a whole number; did you mean 5?"),
        WrongEvents(
            event: "name: status, template_id: { column: t, default: 1.5 }",
            "15:63: syncs.orders.event.template_id.default \"1.5\" is not a whole number"),
        WrongEvents(
            event: "name: status, template_id: [a]",
            "15:41: syncs.orders.event.template_id is a list, not a single value"),
    ]

    /// Keys of the sync.
    private static let rules = [
        WrongEvents(line: "new_fields: allow", "17:17: syncs.orders.new_fields \"allow\" is not one of the choices"),
        WrongEvents(
            line: "start: yesterday", "17:12: syncs.orders.start \"yesterday\" is neither a time nor a span of time"),
        WrongEvents(
            line: "start: 2026-02-30", "17:12: syncs.orders.start \"2026-02-30\" is neither a time nor a span of time"),
        WrongEvents(
            line: "start: 2026-11-21 06:00:00Z",
            "17:12: syncs.orders.start \"2026-11-21 06:00:00Z\" is neither a time nor a span of time; did you mean "
                + "2026-11-21T06:00:00Z?"),
        WrongEvents(
            line: "start: 2026-11-21T06:00:00",
            "17:12: syncs.orders.start \"2026-11-21T06:00:00\" is neither a time nor a span of time; did you mean "
                + "2026-11-21T06:00:00Z?"),
        WrongEvents(
            line: "start: \"2026-11-21 06:00\"",
            "17:12: syncs.orders.start \"2026-11-21 06:00\" is neither a time nor a span of time; did you mean "
                + "2026-11-21T06:00:00Z?"),
        WrongEvents(
            line: "start: 30 days",
            "17:12: syncs.orders.start \"30 days\" is neither a time nor a span of time; did you mean 30d?"),
        WrongEvents(
            line: "start: Now",
            "17:12: syncs.orders.start \"Now\" is neither a time nor a span of time; did you mean now?"),
        WrongEvents(line: "start: 0d", "17:12: syncs.orders.start \"0d\" is out of range"),
        WrongEvents(line: "start: 40000d", "17:12: syncs.orders.start \"40000d\" is out of range"),
        WrongEvents(line: "start: [now]", "17:12: syncs.orders.start is a list, not a single value"),
        WrongEvents(line: "cursor: 5", "17:13: syncs.orders.cursor \"5\" is a number, not text; did you mean \"5\"?"),
        WrongEvents(line: "cursor: { overlap: 15m }", "17:5: the key \"column\" is missing in syncs.orders.cursor"),
        WrongEvents(line: "cursor: { column: c, lag: 15m }", "17:26: unknown key \"lag\" in syncs.orders.cursor"),
        WrongEvents(
            line: "cursor: { column: c, overlap: soon }",
            "17:35: syncs.orders.cursor.overlap \"soon\" is neither a span of time nor a whole number"),
        WrongEvents(
            line: "cursor: { column: c, overlap: 15 min }",
            "17:35: syncs.orders.cursor.overlap \"15 min\" is neither a span of time nor a whole number; did you "
                + "mean 15m?"),
        WrongEvents(
            line: "cursor: { column: c, overlap: -5 }",
            "17:35: syncs.orders.cursor.overlap \"-5\" is neither a span of time nor a whole number"),
        WrongEvents(
            line: "cursor: { column: c, overlap: \"10000\" }",
            "17:35: syncs.orders.cursor.overlap \"10000\" is neither a span of time nor a whole number; did you mean "
                + "10000?"),
        WrongEvents(
            line: "cursor: { column: c, overlap: 10_000 }",
            "17:35: syncs.orders.cursor.overlap \"10_000\" is neither a span of time nor a whole number; did you "
                + "mean 10000?"),
        WrongEvents(
            line: "cursor: { column: c, overlap: 99999999999999999999 }",
            "17:35: syncs.orders.cursor.overlap \"99999999999999999999\" is out of range"),
        WrongEvents(
            line: "cursor: { column: c, overlap: 99999999999999999999h }",
            "17:35: syncs.orders.cursor.overlap \"99999999999999999999h\" is out of range"),
        WrongEvents(
            line: "cursor: { column: c, sweep: 4s }", "17:33: syncs.orders.cursor.sweep \"4s\" is out of range"),
        WrongEvents(
            line: "cursor: { column: c, sweep: 90 }", "17:33: syncs.orders.cursor.sweep \"90\" is no span of time"),
        WrongEvents(
            line: "cursor: { column: c, sweep: daily }",
            "17:33: syncs.orders.cursor.sweep \"daily\" is no span of time"),
        WrongEvents(
            line: "cursor: { column: c, sweep: 12H }",
            "17:33: syncs.orders.cursor.sweep \"12H\" is no span of time; did you mean 12h?"),
        WrongEvents(
            line: "changed_rows: resend", "17:19: syncs.orders.changed_rows \"resend\" is not one of the choices"),
        WrongEvents(
            line: "wait_for_user: 1 day",
            "17:20: syncs.orders.wait_for_user \"1 day\" is no span of time; did you mean 1d?"),
        WrongEvents(line: "wait_for_user: 24", "17:20: syncs.orders.wait_for_user \"24\" is no span of time"),
        WrongEvents(
            line: "wait_for_user:", "17:5: syncs.orders.wait_for_user has no value",
            hint: "Give it a value, or take the line out."),
        WrongEvents(
            line: "delivery: bulc",
            "17:15: syncs.orders.delivery \"bulc\" is not one of the choices; did you mean \"bulk\"?"),
        WrongEvents(line: "after: 5", "17:12: syncs.orders.after \"5\" is a number, not text; did you mean \"5\"?"),
        WrongEvents(
            line: "enabled: yes", "17:14: syncs.orders.enabled \"yes\" is not true or false; did you mean true?",
            hint: "Only true and false are taken, in lower case and without quotes."),
    ]

    /// What stands below `stream`, or beside it.
    private static let streams = [
        WrongEvents(
            line: "stream: {}", "17:5: syncs.orders.stream stands without a cursor, by which it would find new rows",
            hint: "Name the column that says when a row came into the table, and grows with each new one."),
        // A cursor that is misspelt or wrong is reported, and nothing besides.
        WrongEvents(
            line: "stream: {}\ncurser: c", "18:5: unknown key \"curser\" in syncs.orders; did you mean \"cursor\"?"),
        WrongEvents(
            line: "stream: {}\ncursor: 5",
            "18:13: syncs.orders.cursor \"5\" is a number, not text; did you mean \"5\"?"),
        WrongEvents(
            streamed: "stream: {}\nschedule: { every: 5m }",
            "19:5: syncs.orders gives stream and schedule; only one of them is allowed", hint: oneOfThem),
        WrongEvents(
            streamed: "schedule: { every: 5m }\nstream: { poll: 5s }",
            "19:5: syncs.orders gives schedule and stream; only one of them is allowed", hint: oneOfThem),
        WrongEvents(
            streamed: "stream: 5s", "18:13: syncs.orders.stream is a single value, not a mapping",
            hint: "Write stream: {} for one with the defaults."),
        WrongEvents(
            streamed: "stream: true", "18:13: syncs.orders.stream is a single value, not a mapping",
            hint: "Write stream: {} for one with the defaults."),
        WrongEvents(
            streamed: "stream: { pol: 5s }",
            "18:15: unknown key \"pol\" in syncs.orders.stream; did you mean \"poll\"?"),
        WrongEvents(streamed: "stream: { every: 5m }", "18:15: unknown key \"every\" in syncs.orders.stream"),
        WrongEvents(streamed: "stream: { poll: 5 }", "18:21: syncs.orders.stream.poll \"5\" is no span of time"),
        WrongEvents(
            streamed: "stream: { poll: 5 sec }",
            "18:21: syncs.orders.stream.poll \"5 sec\" is no span of time; did you mean 5s?"),
        WrongEvents(streamed: "stream: { poll: 0s }", "18:21: syncs.orders.stream.poll \"0s\" is out of range"),
        WrongEvents(streamed: "stream: { poll: 61s }", "18:21: syncs.orders.stream.poll \"61s\" is out of range"),
        WrongEvents(streamed: "stream: { poll: 2m }", "18:21: syncs.orders.stream.poll \"2m\" is out of range"),
        WrongEvents(
            streamed: "stream: { poll: 99999999999999999999s }",
            "18:21: syncs.orders.stream.poll \"99999999999999999999s\" is out of range"),
        WrongEvents(
            streamed: "stream: { poll: }", "18:15: syncs.orders.stream.poll has no value",
            hint: "Give it a value, or take the line out."),
        WrongEvents(streamed: "stream: { linger: 31s }", "18:23: syncs.orders.stream.linger \"31s\" is out of range"),
        WrongEvents(streamed: "stream: { linger: 0 }", "18:23: syncs.orders.stream.linger \"0\" is no span of time"),
        WrongEvents(
            streamed: "stream: { linger: 500ms }", "18:23: syncs.orders.stream.linger \"500ms\" is no span of time"),
        WrongEvents(streamed: "stream: { wake: \"\" }", "18:21: syncs.orders.stream.wake is empty"),
        WrongEvents(
            streamed: "stream: { wake: 7 }",
            "18:21: syncs.orders.stream.wake \"7\" is a number, not text; did you mean \"7\"?"),
        WrongEvents(
            streamed: "stream: { wake: [a, b] }", "18:21: syncs.orders.stream.wake is a list, not a single value"),
        WrongEvents(
            streamed: "stream: { wake: \"a\\nb\" }",
            "18:21: syncs.orders.stream.wake \"a\\nb\" contains a line break or a control character"),
        WrongEvents(
            streamed: "stream: { wake: \(String(repeating: "é", count: 32)) }",
            "18:21: syncs.orders.stream.wake \"\(String(repeating: "é", count: 32))\" is longer than 63 bytes"),
    ]
    private static let oneOfThem = "A stream sends what is new as it comes, and needs no schedule. Keep one of them."

    /// Guards, those of other kinds among them.
    private static let guards = [
        WrongEvents(
            line: "guards: { max_removals: 25% }",
            "17:15: syncs.orders.guards.max_removals is no guard of events syncs", hint: "Take it out."),
        WrongEvents(
            line: "guards: { max_changes: 50% }", "17:15: syncs.orders.guards.max_changes is no guard of events syncs",
            hint: "Take it out."),
        WrongEvents(
            line: "guards: { max_identity_changes: 1% }",
            "17:15: syncs.orders.guards.max_identity_changes is no guard of events syncs", hint: "Take it out."),
        WrongEvents(
            line: "guards: { allow_empty: true }", "17:15: syncs.orders.guards.allow_empty is no guard of events syncs",
            hint: "A run that finds no event succeeds anyway. Take it out."),
        WrongEvents(
            line: "guards: { max_events: many }",
            "17:27: syncs.orders.guards.max_events \"many\" is neither a count nor off"),
        WrongEvents(
            line: "guards: { max_events: -1 }",
            "17:27: syncs.orders.guards.max_events \"-1\" is neither a count nor off"),
        WrongEvents(
            line: "guards: { max_events: 100_000 }",
            "17:27: syncs.orders.guards.max_events \"100_000\" is neither a count nor off; did you mean 100000?"),
        WrongEvents(
            line: "guards: { max_events: none }",
            "17:27: syncs.orders.guards.max_events \"none\" is neither a count nor off; did you mean off?"),
        WrongEvents(
            line: "guards: { max_events: 99999999999999999999 }",
            "17:27: syncs.orders.guards.max_events \"99999999999999999999\" is out of range"),
        WrongEvents(
            line: "guards: { max_age: 7 }",
            "17:24: syncs.orders.guards.max_age \"7\" is neither a span of time nor off"),
        WrongEvents(
            line: "guards: { max_age: 7 days }",
            "17:24: syncs.orders.guards.max_age \"7 days\" is neither a span of time nor off; did you mean 7d?"),
        WrongEvents(
            line: "guards: { max_age: false }",
            "17:24: syncs.orders.guards.max_age \"false\" is neither a span of time nor off; did you mean off?"),
        WrongEvents(
            line: "guards: { max_age: 36501d }", "17:24: syncs.orders.guards.max_age \"36501d\" is out of range"),
        WrongEvents(
            line: "guards: { max_invalid: 3 }",
            "17:28: syncs.orders.guards.max_invalid \"3\" is no percentage; did you mean 3%?"),
        WrongEvents(line: "guards: { max_rows: 3 }", "17:15: unknown key \"max_rows\" in syncs.orders.guards"),
    ]

    /// Keys of other kinds, of other places, and of none.
    private static let foreign = [
        WrongEvents(
            line: "nulls: skip", "17:5: syncs.orders.nulls is a key of list or users syncs; this one is events",
            hint: "A field of an event whose column is NULL is left out. Take the key out."),
        WrongEvents(
            line: "nested: merge", "17:5: syncs.orders.nested is a key of users syncs; this one is events",
            hint: "Take it out, or set kind: users."),
        WrongEvents(
            line: "on_leave: keep", "17:5: syncs.orders.on_leave is a key of users syncs; this one is events",
            hint: "Take it out, or set kind: users."),
        WrongEvents(
            line: "identity_changes: refuse",
            "17:5: syncs.orders.identity_changes is a key of users syncs; this one is events",
            hint: "Take it out, or set kind: users."),
        WrongEvents(
            line: "mode: upsert", "17:5: syncs.orders.mode is a key of users or catalog syncs; this one is events",
            hint: "Take it out, or set kind: users or catalog."),
        WrongEvents(
            line: "duplicates: refuse",
            "17:5: syncs.orders.duplicates is a key of users or catalog syncs; this one is events",
            hint: "Take it out, or set kind: users or catalog."),
        WrongEvents(
            line: "catalog: { name: x }", "17:5: syncs.orders.catalog is a key of catalog syncs; this one is events",
            hint: "Take it out, or set kind: catalog."),
        WrongEvents(
            line: "documents: replace", "17:5: syncs.orders.documents is a key of catalog syncs; this one is events",
            hint: "Take it out, or set kind: catalog."),
        WrongEvents(
            line: "list: { name: x }", "17:5: syncs.orders.list is a key of list syncs; this one is events",
            hint: "Take it out, or set kind: list."),
        WrongEvents(
            line: "identity: { max_sharing: 3 }",
            "17:5: syncs.orders.identity is a key of list syncs; this one is events",
            hint: "Take it out, or set kind: list."),
        WrongEvents(
            line: "placeholder_emails: true",
            "17:5: syncs.orders.placeholder_emails is a key of list syncs; this one is events",
            hint: "Take it out, or set kind: list."),
        WrongEvents(
            line: "update_existing_users_only: true",
            "17:5: syncs.orders.update_existing_users_only is a key of list syncs; this one is events",
            hint: "Take it out, or set kind: list."),
        WrongEvents(
            line: "audience: { table: x }", "17:5: syncs.orders.audience is a key of list syncs; this one is events",
            hint: "Take it out, or set kind: list."),
        WrongEvents(
            line: "poll: 5s", "17:5: unknown key \"poll\" in syncs.orders",
            hint: "\"poll\" belongs under \"stream\"."),
        WrongEvents(
            line: "created_at: placed_at", "17:5: unknown key \"created_at\" in syncs.orders",
            hint: "\"created_at\" belongs under \"event\"."),
        WrongEvents(
            line: "name: order_placed", "17:5: unknown key \"name\" in syncs.orders",
            hint: "\"name\" belongs under \"list\", \"catalog\" or \"event\"."),
    ]

    /// Fields.
    private static let fields = [
        WrongEvents(
            fields: "a: { column: b, nulls: skip }",
            "16:31: syncs.orders.fields.a.nulls is a key of list or users syncs; this one is events",
            hint: "A field of an event whose column is NULL is left out. Take the key out."),
        WrongEvents(
            fields: "a..b: c", "16:15: the field \"a..b\" has an empty part in its name",
            hint: "Dots nest, as in address.city: write a name before and behind each of them."),
        WrongEvents(
            fields: ".a: c", "16:15: the field \".a\" has an empty part in its name",
            hint: "Dots nest, as in address.city: write a name before and behind each of them."),
        WrongEvents(
            fields: "address: a, address.city: c",
            "16:27: the field \"address.city\" is a part of \"address\", which is a field itself",
            hint: "Give one of them another name, or take it out."),
        WrongEvents(
            fields: "place: { column: [lat, lon], type: geo }",
            "16:15: the geo field \"place\" does not end in _geo_location; did you mean \"place_geo_location\"?",
            hint: "Iterable knows geo fields by that ending."),
        WrongEvents(
            fields: "a: { column: b, type: text }",
            "16:37: syncs.orders.fields.a.type \"text\" is not one of the choices"),
        WrongEvents(
            fields: "a: { value: 1, type: long }", "16:30: syncs.orders.fields.a.type has no effect beside value",
            hint: "Take it out."),
        WrongEvents(
            fields: "a: { column: b, type: long, default: free }",
            "16:15: the default of syncs.orders.fields.a is no long"),
        WrongEvents(fields: "a: 1", "16:18: syncs.orders.fields.a \"1\" is a number, not text; did you mean \"1\"?"),
    ]

    /// Parts that are missing, or something else altogether.
    private static let parts = [
        WrongEvents(.source, "", "8:3: the key \"source\" is missing in syncs.orders"),
        WrongEvents(
            .source, "audience: { table: a }", "12:5: syncs.orders.audience is a key of list syncs; this one is events",
            hint: "Write source in its place."),
        WrongEvents(.key, "", "8:3: the key \"key\" is missing in syncs.orders"),
        WrongEvents(.key, "key: []", "13:5: syncs.orders.key is an empty list"),
        WrongEvents(
            .key, "key: [id, status, id]", "13:5: syncs.orders.key names the column \"id\" twice",
            hint: "Name each column of the key once."),
        WrongEvents(.key, "key: { column: id }", "13:10: syncs.orders.key is a mapping, not a single value"),
        WrongEvents(.key, "key: 7", "13:10: syncs.orders.key \"7\" is a number, not text; did you mean \"7\"?"),
        WrongEvents(.mapping, "mapping: { phone: phone }", "14:16: unknown key \"phone\" in syncs.orders.mapping"),
        WrongEvents(.fields, "fields: {}", "16:5: syncs.orders.fields is empty"),
        WrongEvents(.fields, "fields: every", "16:13: syncs.orders.fields \"every\" is neither \"all\" nor a mapping"),
        WrongEvents(
            .fields, "fields:", "16:5: syncs.orders.fields has no value",
            hint: "Give it a value, or take the line out."),
        WrongEvents(
            .fields, "fields: { a: b }\nexcept: [c]", "17:5: syncs.orders.except stands beside a mapping of fields",
            hint: "It belongs to fields: all. Take the fields out of the mapping instead."),
        WrongEvents(
            .fields, "except: [c]", "16:5: syncs.orders.except stands without fields: all",
            hint: "Without fields, none are sent. Take it out, or add fields: all."),
        WrongEvents(.fields, "fields: all\nexcept: []", "17:5: syncs.orders.except is an empty list"),
        WrongEvents(.event, "", "8:3: the key \"event\" is missing in syncs.orders"),
        WrongEvents(
            .event, "event:", "15:5: syncs.orders.event is empty",
            hint: "Write the name below: event:, then name: { value: … } on the next line."),
        WrongEvents(
            .event, "event: order_placed", "15:12: syncs.orders.event is a single value, not a mapping",
            hint: "Write the name below: event:, then name: { value: … } on the next line."),
        WrongEvents(
            .event, "event: { name: status }\nstart: 30d",
            "16:5: syncs.orders.start is a time, and the rows have none to compare it with",
            hint: "Map event.created_at, or write now or all."),
        WrongEvents(
            .event, "event: { name: status }\nstart: 2026-11-21",
            "16:5: syncs.orders.start is a time, and the rows have none to compare it with",
            hint: "Map event.created_at, or write now or all."),
    ]
}
