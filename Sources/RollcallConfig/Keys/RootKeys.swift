internal import RollcallCore

/// The top level of the file, and its warehouses, destinations and server.
enum RootKeys {
    static let warehouses = ConfigurationKey(
        "warehouses", .named(WarehouseKeys.section),
        "Databases that hold audiences, by name. Rollcall keeps its state and its logs in them too.",
        isRequired: true)
    static let destinations = ConfigurationKey(
        "destinations", .named(DestinationKeys.section),
        "Projects in Iterable, by name; they may be missing where there are only receivers.")
    static let syncs = ConfigurationKey(
        "syncs", .named(SyncKeys.section),
        "What is kept equal to what, by name: each sync keeps one list, fields of users' profiles or one catalog equal to a "
            + "table or query, or sends its rows as events.")
    static let receivers = ConfigurationKey(
        "receivers", .named(ReceiverKeys.section),
        "Addresses to which Iterable posts what became of messages, by name; \"rollcall serve\" keeps the events in a "
            + "warehouse.")
    static let server = ConfigurationKey(
        "server", .section(ServerKeys.section), "Settings of \"rollcall serve\".")

    static let alerts = ConfigurationKey(
        "alerts", .section(AlertKeys.section), "Where \"rollcall serve\" sends alerts when a sync needs attention.")

    static let section = ConfigurationSection(
        keys: [warehouses, destinations, syncs, receivers, server, alerts], atLeastOneOf: ["destinations", "receivers"])

    /// Names of warehouses, destinations, syncs and receivers.
    static let namePattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
}

enum WarehouseKeys {
    static let type = ConfigurationKey(
        "type", .choice(WarehouseType.allCases.map(\.rawValue)), "Kind of database.", isRequired: true)
    static let path = ConfigurationKey(
        "path", .text(TextRule()),
        "SQLite: path of the database file; a relative one counts from the configuration's folder.",
        isRequired: true, example: .string("shop.sqlite"), variants: [WarehouseType.sqlite.rawValue])
    static let url = ConfigurationKey(
        "url", .text(TextRule()),
        "Postgres: any libpq URI or keyword string (sslmode, service, passfile and so on hold). A password must come "
            + "from the environment, a passfile or a service file.",
        isRequired: true, example: .string("${CRM_DATABASE_URL}"), isSecret: true,
        variants: [WarehouseType.postgres.rawValue])
    static let stateSchema = ConfigurationKey(
        "state_schema", .text(TextRule(maximumBytes: 63)),
        "Postgres: schema for Rollcall's state and logs; at most 63 bytes.",
        defaultValue: .string("rollcall"), variants: [WarehouseType.postgres.rawValue])

    static let rowSecurity = ConfigurationKey(
        "row_security", .choice(PostgresOptions.RowSecurity.allCases.map(\.rawValue)),
        "Postgres: what to do where a row level security policy would hide rows of an audience. refuse: the run fails; "
            + "apply: the audience is what the policy shows.",
        defaultValue: .string("refuse"), variants: [WarehouseType.postgres.rawValue])
    static let statementTimeoutSeconds = ConfigurationKey(
        "statement_timeout_seconds", .number(NumberRange(minimum: 0, maximum: 86_400)),
        "Postgres: seconds that the reading of an audience may take; 0: no limit. The role's own statement_timeout holds "
            + "where it is smaller.", defaultValue: .integer(1800), variants: [WarehouseType.postgres.rawValue])
    static let waitSeconds = ConfigurationKey(
        "wait_seconds", .number(NumberRange(minimum: 0, maximum: 3600)),
        "Seconds that a call waits for a connection (Postgres) and for locks of others before the run fails.",
        defaultValue: .integer(120))

    static let state = ConfigurationKey(
        "state", .text(TextRule(pattern: RootKeys.namePattern)),
        "The warehouse in which state and logs of this one's syncs live; this one is only read then. Default: this one.",
        example: .string("crm"))

    static let section = ConfigurationSection(
        keys: [type, path, url, state, stateSchema, rowSecurity, statementTimeoutSeconds, waitSeconds],
        selector: .init(key: "type", values: WarehouseType.allCases.map(\.rawValue)))
}

enum DestinationKeys {
    static let type = ConfigurationKey("type", .choice(["iterable"]), "Kind of destination.", isRequired: true)
    static let apiKey = ConfigurationKey(
        "api_key", .text(TextRule()),
        "Server-side API key of the Iterable project; only from the environment or .env, unless base_url is loopback.",
        isRequired: true, example: .string("${ITERABLE_API_KEY}"), isSecret: true)
    static let dataCenter = ConfigurationKey(
        "data_center", .choice(["us", "eu"]), "us: api.iterable.com; eu: api.eu.iterable.com.",
        defaultValue: .string("us"))
    static let projectType = ConfigurationKey(
        "project_type", .choice(["email", "user_id", "hybrid"]),
        "How the project tells people apart (Iterable: Settings, Project Settings); decides which identifiers may be "
            + "mapped. The EU data center has no email projects.",
        isRequired: true)
    static let listNamePrefix = ConfigurationKey(
        "list_name_prefix", .text(TextRule(allowsEmpty: true)),
        "Put before the name of every list Rollcall creates or looks up by name.", defaultValue: .string(""))
    static let baseURL = ConfigurationKey(
        "base_url", .text(TextRule(pattern: "^https?://")),
        "Only for a sandbox or a proxy: address used instead of the data center's, without user, query or fragment. "
            + "https is required unless the host is loopback (localhost, 127.0.0.0/8, ::1).",
        example: .string("http://127.0.0.1:8421"))
    static let limits = ConfigurationKey(
        "limits", .section(LimitKeys.section),
        "How fast the destination is called, and how long answers are waited for.")

    static let section = ConfigurationSection(
        keys: [type, apiKey, dataCenter, projectType, listNamePrefix, baseURL, limits])
}

enum LimitKeys {
    static let requestsPerSecond = ConfigurationKey(
        "requests_per_second", .number(NumberRange(minimum: 0, maximum: 1000, excludesMinimum: true)),
        "Requests a second, for each of subscribe and unsubscribe, shared by all syncs of the destination; may have a "
            + "fraction.", defaultValue: .integer(5))
    static let subscribersPerRequest = ConfigurationKey(
        "subscribers_per_request", .integer(1...5000), "Most records in one request.", defaultValue: .integer(1000))
    static let concurrentRequests = ConfigurationKey(
        "concurrent_requests", .integer(1...64), "Most requests under way at once.", defaultValue: .integer(4))
    static let requestTimeoutSeconds = ConfigurationKey(
        "request_timeout_seconds", .number(NumberRange(minimum: 1, maximum: 40)),
        "Seconds until a request without an answer is given up.", defaultValue: .integer(30))
    static let settleSeconds = ConfigurationKey(
        "settle_seconds", .number(NumberRange(minimum: 0, maximum: 3600)),
        "Seconds that a request without an answer may still land after it was given up; the opposite of a lost request "
            + "waits so long.", defaultValue: .integer(60))

    static let users = ConfigurationKey(
        "users", .section(UserLimitKeys.section), "How fast profiles of users are sent.")
    static let events = ConfigurationKey(
        "events", .section(EventLimitKeys.section), "How fast events are sent.")
    static let catalog = ConfigurationKey(
        "catalog", .section(RecordLimitKeys.section), "How fast items of catalogs are sent.")
    static let bytesPerRequest = ConfigurationKey(
        "bytes_per_request", .integer(40_000...4_000_000), "Most bytes of one request.",
        defaultValue: .integer(4_000_000))
    static let sharedIn = ConfigurationKey(
        "shared_in", .text(TextRule(pattern: RootKeys.namePattern)),
        "The warehouse in which all processes that send with the same API key share the requests a second. Default: the one with the "
            + "sync's state.", example: .string("crm"))

    static let section = ConfigurationSection(
        keys: [
            requestsPerSecond, subscribersPerRequest, concurrentRequests, requestTimeoutSeconds, settleSeconds, users,
            events, catalog, bytesPerRequest, sharedIn,
        ])
}

/// Limits of profiles.
enum UserLimitKeys {
    static let requestsPerSecond = ConfigurationKey(
        "requests_per_second", .number(NumberRange(minimum: 0, maximum: 500, excludesMinimum: true)),
        "Requests a second, shared by all syncs of the destination; may have a fraction.", defaultValue: .integer(5))

    static let singleRequestsPerSecond = ConfigurationKey(
        "single_requests_per_second", .number(NumberRange(minimum: 0, maximum: 1000, excludesMinimum: true)),
        "The same of requests that are about one person each: those that rename or delete profiles.",
        defaultValue: .integer(50))

    static let lookUpsPerSecond = ConfigurationKey(
        "look_ups_per_second", .number(NumberRange(minimum: 0, maximum: 100, excludesMinimum: true)),
        "People a second who are looked up before they are sent: those who are new to a sync with mode: update, and those whom a "
            + "rename or a conflict of identifiers is about.", defaultValue: .integer(100))

    static let section = ConfigurationSection(
        keys: [requestsPerSecond, RecordLimitKeys.recordsPerRequest, singleRequestsPerSecond, lookUpsPerSecond])
}

/// Limits of events.
enum EventLimitKeys {
    static let requestsPerSecond = ConfigurationKey(
        "requests_per_second", .number(NumberRange(minimum: 0, maximum: 1000, excludesMinimum: true)),
        "Requests a second, shared by all syncs of the destination; may have a fraction.", defaultValue: .integer(10))
    static let singleRequestsPerSecond = ConfigurationKey(
        "single_requests_per_second", .number(NumberRange(minimum: 0, maximum: 2000, excludesMinimum: true)),
        "The same of syncs with delivery: single, whose requests have one event each.", defaultValue: .integer(200))

    static let section = ConfigurationSection(
        keys: [requestsPerSecond, RecordLimitKeys.recordsPerRequest, singleRequestsPerSecond])
}

/// Limits of items of catalogs.
enum RecordLimitKeys {
    static let requestsPerSecond = ConfigurationKey(
        "requests_per_second", .number(NumberRange(minimum: 0, maximum: 1000, excludesMinimum: true)),
        "Requests a second, for each of put and delete, shared by all syncs of the destination; may have a fraction.",
        defaultValue: .integer(20))
    static let recordsPerRequest = ConfigurationKey(
        "records_per_request", .integer(1...1000), "Most records in one request.", defaultValue: .integer(1000))

    static let section = ConfigurationSection(keys: [requestsPerSecond, recordsPerRequest])
}

enum ServerKeys {
    static let listen = ConfigurationKey(
        "listen", .text(TextRule(pattern: addressPattern)),
        "Address and port of the HTTP server; port 0 takes a free one. Without a token it must be loopback.",
        defaultValue: .string("127.0.0.1:8420"))
    static let tokens = ConfigurationKey(
        "tokens", .list(TokenKeys.section),
        "Bearer tokens as SHA-256 hashes; further ones may come from ROLLCALL_TOKENS.")

    static let addressPattern = #"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$"#

    static let section = ConfigurationSection(keys: [listen, tokens] + ReceiverListenKeys.all)
}

enum TokenKeys {
    static let name = ConfigurationKey(
        "name", .text(TextRule(maximumBytes: 100)), "Whose token it is; shown in logs. Each name once.",
        isRequired: true)
    static let role = ConfigurationKey(
        "role", .choice(["read", "operator"]), "read: look at everything; operator: start and stop runs too.",
        isRequired: true)
    static let sha256 = ConfigurationKey(
        "sha256", .text(TextRule(pattern: #"^[0-9A-Fa-f]{64}$"#)),
        "SHA-256 of the token in hexadecimal: printf %s \"$TOKEN\" | sha256sum", isRequired: true, isSecret: true)

    static let section = ConfigurationSection(keys: [name, role, sha256])
}
