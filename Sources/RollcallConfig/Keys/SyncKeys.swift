internal import RollcallCore

/// The keys of one sync.
enum SyncKeys {
    /// The kinds of record that syncs can keep.
    static let kinds = RecordKind.allCases

    static let kind = ConfigurationKey(
        "kind", .choice(kinds.map(\.rawValue)),
        "What is kept: a list's members, fields of users' profiles, or the items of a catalog. events: what is sent.",
        defaultValue: .string(RecordKind.list.rawValue))
    static let warehouse = ConfigurationKey(
        "warehouse", .text(TextRule()), "Name of the warehouse that holds the source.", isRequired: true)
    static let destination = ConfigurationKey(
        "destination", .text(TextRule()), "Name of the destination that holds what is kept.", isRequired: true)
    static let enabled = ConfigurationKey(
        "enabled", .boolean,
        "false: the schedule starts no runs, its ticks are recorded as disabled; nothing is streamed.",
        defaultValue: .boolean(true))
    static let audience = ConfigurationKey(
        "audience", .section(AudienceKeys.section),
        "Who should be on the list; exactly one of table, query and query_file.",
        variants: list.variants)
    static let source = ConfigurationKey(
        "source", .section(AudienceKeys.section),
        "The rows, one for each record; exactly one of table, query and query_file. Of "
            + "lists another word for audience.")
    static let list = ConfigurationKey(
        "list", .section(ListKeys.section), "The list that is kept; exactly one of name and id.", isRequired: true,
        variants: [RecordKind.list.rawValue])
    static let mapping = ConfigurationKey(
        "mapping", .section(MappingKeys.section),
        "Which columns carry the identifiers. Left out: columns called email, user_id or userId are taken, as far as "
            + "the project type can use them.", variants: [RecordKind.list, .users, .events].map(\.rawValue))
    static let identity = ConfigurationKey(
        "identity", .section(IdentityKeys.section), "How rows become people; hybrid projects only.",
        variants: list.variants)
    static let updateExistingUsersOnly = ConfigurationKey(
        "update_existing_users_only", .boolean,
        "true: people whom Iterable does not know are not created. Iterable honours it in hybrid and user_id projects "
            + "only.", defaultValue: .boolean(false), variants: list.variants)
    static let placeholderEmails = ConfigurationKey(
        "placeholder_emails", .boolean,
        "Email projects only. true: user_id is mapped alone, and Iterable makes up an address for people it does not "
            + "know.", defaultValue: .boolean(false), variants: list.variants)
    static let schedule = ConfigurationKey(
        "schedule", .section(ScheduleKeys.section),
        "When the sync runs by itself. Left out, and without stream: manual only.")
    static let guards = ConfigurationKey(
        "guards", .section(GuardKeys.section),
        "When a plan is too drastic to be carried out without a person's approval.",
        kinds: Dictionary(
            uniqueKeysWithValues: kinds.map { ($0.rawValue, ValueKind.section(GuardKeys.section(of: $0))) }))
    static let logs = ConfigurationKey(
        "logs", .section(LogKeys.section), "What is kept of each run, and for how long.")

    static let section = ConfigurationSection(
        keys: [
            kind, warehouse, destination, enabled, audience, source, list, mapping, identity, updateExistingUsersOnly,
            placeholderEmails, RecordKeys.catalog, EventSyncKeys.event, RecordKeys.key, RecordKeys.fields,
            RecordKeys.except, RecordKeys.mode, RecordKeys.documents, RecordKeys.verify, RecordKeys.nulls,
            RecordKeys.nested, RecordKeys.newFields, RecordKeys.duplicates, RecordKeys.onLeave,
            RecordKeys.identityChanges,
            EventSyncKeys.start, EventSyncKeys.cursor, EventSyncKeys.changedRows, EventSyncKeys.after,
            EventSyncKeys.waitForUser, EventSyncKeys.delivery, EventSyncKeys.stream, schedule, guards, logs,
        ], exactlyOneOf: ["audience", "source"],
        selector: .init(key: "kind", values: kinds.map(\.rawValue), defaultValue: RecordKind.list.rawValue))
}

enum AudienceKeys {
    static let table = ConfigurationKey(
        "table", .text(TextRule()),
        "A table or view: dots separate schema and table; double quotes as in SQL. Without quotes Postgres takes "
            + "letters as lower case.", example: .string("crm.vip_customers"))
    static let query = ConfigurationKey(
        "query", .text(TextRule()), "A single SELECT.",
        example: .string("SELECT email, customer_id FROM customers WHERE lifetime_value > 1000"))
    static let queryFile = ConfigurationKey(
        "query_file", .text(TextRule()),
        "A file with a single SELECT; a relative path counts from the configuration's folder.",
        example: .string("audiences/vip.sql"))
    static let read = ConfigurationKey(
        "read", .choice(ReadSetting.allCases.map(\.rawValue)),
        "In Postgres, not of events. all: every row is read each time; changed: the server groups the rows, and only groups that "
            + "are not as they were are read; auto: whichever cost less in earlier runs.",
        defaultValue: .string(ReadSetting.all.rawValue))

    static let section = ConfigurationSection(
        keys: [table, query, queryFile, read], exactlyOneOf: ["table", "query", "query_file"])
}

enum ListKeys {
    static let name = ConfigurationKey(
        "name", .text(TextRule()),
        "An existing Standard list of this name (prefix included) is adopted; otherwise the first run creates it.")
    static let description = ConfigurationKey(
        "description", .text(TextRule(allowsEmpty: true)), "Description of the list when Rollcall creates it.")
    static let id = ConfigurationKey(
        "id", .integer(1...Int64.max), "Number of an existing list in Iterable.", example: .integer(1_068_682))

    static let section = ConfigurationSection(keys: [name, description, id], exactlyOneOf: ["name", "id"])
}

enum MappingKeys {
    static let email = ConfigurationKey(
        "email", .text(TextRule()), "Column with the email address; not for lists of user_id projects.")
    static let userID = ConfigurationKey(
        "user_id", .text(TextRule()),
        "Column with the userId. In email projects: of lists only with placeholder_emails, of users only beside email, "
            + "of events also alone.")

    static let section = ConfigurationSection(keys: [email, userID])
}

enum IdentityKeys {
    static let maxSharing = ConfigurationKey(
        "max_sharing", .integer(1...1_000_000),
        "An identifier that more rows than this carry, each with another other identifier, counts as none: it is a "
            + "placeholder such as 0 or unknown, and would make one person of many.",
        defaultValue: .integer(10))

    static let section = ConfigurationSection(keys: [maxSharing])
}

enum ScheduleKeys {
    static let every = ConfigurationKey(
        "every", .choice(ScheduleSettings.Frequency.allCases.map(\.rawValue)), "Time between two ticks.",
        isRequired: true)
    static let at = ConfigurationKey(
        "at", .text(TextRule(pattern: #"^([01][0-9]|2[0-3]):[0-5][0-9]$"#)),
        "Time of day in UTC, as \"HH:MM\" in quotes, through which the grid of ticks passes.",
        defaultValue: .string("00:00"))

    static let section = ConfigurationSection(keys: [every, at])
}

enum GuardKeys {
    static let maxRemovals = ConfigurationKey(
        "max_removals", .removalLimit,
        "Most removals in one run: a share of the snapshot (a snapshot under 100 entries is exempt) or a count (no "
            + "exemption). A plan above it is held.", defaultValue: .string("25%"))
    static let allowEmpty = ConfigurationKey(
        "allow_empty", .boolean, "false: an audience without one valid row holds the run.",
        defaultValue: .boolean(false))

    static let maxInvalid = ConfigurationKey(
        "max_invalid", .share,
        "Most invalid rows, as a share of those read; a plan above it is held. Not for lists. Left out: 20% for users "
            + "and events, any share for catalogs.", example: .string("20%"))
    static let maxChanges = ConfigurationKey(
        "max_changes", .share,
        "Most users whose content changes in one run, as a share of those that Iterable has from this sync; a plan above it "
            + "is held. 100% switches it off. For users only.", defaultValue: .string("50%"))

    static let maxIdentityChanges = ConfigurationKey(
        "max_identity_changes", .share,
        "Most users who get another address in one run (identity_changes: rename), as a share of those that Iterable has from "
            + "this sync; a plan above it is held. 100% switches it off. For users only.", defaultValue: .string("1%"))

    static let maxEvents = ConfigurationKey(
        "max_events", .anyOf([.choice([off]), .integer(0...Int64.max)]),
        "Most events that one run sends; a plan above it is held. off: any number. For events only.",
        defaultValue: .integer(100_000))
    static let maxAge = ConfigurationKey(
        "max_age", .anyOf([.choice([off]), .span(minimum: 0)]),
        "How far an event that is sent may lie in the past, by created_at; a plan with an older one is held. off: any "
            + "time. For events only.", defaultValue: .string("7d"))

    static let off = "off"

    static let section = ConfigurationSection(
        keys: [maxRemovals, allowEmpty, maxInvalid, maxChanges, maxIdentityChanges, maxEvents, maxAge])

    /// Those that syncs of this kind have.
    static func section(of kind: RecordKind) -> ConfigurationSection {
        switch kind {
        case .list: ConfigurationSection(keys: [maxRemovals, allowEmpty])
        case .users:
            ConfigurationSection(keys: [maxRemovals, allowEmpty, maxInvalid, maxChanges, maxIdentityChanges])
        case .events: ConfigurationSection(keys: [maxInvalid, maxEvents, maxAge])
        case .catalog: ConfigurationSection(keys: [maxRemovals, allowEmpty, maxInvalid])
        }
    }
}

enum LogKeys {
    static let retain = ConfigurationKey(
        "retain", .boolean, "false: no rows are written to sync_log.", defaultValue: .boolean(true))
    static let retentionDays = ConfigurationKey(
        "retention_days", .integer(1...3650), "Days of 24 hours after which runs, records and ticks are deleted.",
        defaultValue: .integer(30))
    static let records = ConfigurationKey(
        "records", .choice(LogSettings.Records.allCases.map(\.rawValue)),
        "Which records are logged: all, or only those that failed.", defaultValue: .string("all"))
    static let identifiers = ConfigurationKey(
        "identifiers", .choice(LogSettings.Identifiers.allCases.map(\.rawValue)),
        "How people appear in sync_log and in outputs made from it.", defaultValue: .string("plain"))

    static let section = ConfigurationSection(keys: [retain, retentionDays, records, identifiers])
}
