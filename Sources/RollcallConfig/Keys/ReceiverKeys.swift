internal import RollcallCore

/// What stands below each name of `receivers`.
enum ReceiverKeys {
    static let type = ConfigurationKey(
        "type", .choice([iterable]), "Who posts: Iterable's system webhooks.", isRequired: true)
    static let path = ConfigurationKey(
        "path", .text(TextRule(maximumBytes: 500, pattern: "^(/[A-Za-z0-9._~!$&'()*+,;=:@-]*)+$")),
        "Path of the address that is given to Iterable; no two receivers have the same. Posts are taken at "
            + "server.receiver_listen.",
        isRequired: true, example: .string("/webhooks/iterable/engagement"))
    static let warehouse = ConfigurationKey(
        "warehouse", .text(TextRule()), "Name of the warehouse that keeps the events (iterable_events).",
        isRequired: true, example: .string("crm"))
    static let destination = ConfigurationKey(
        "destination", .text(TextRule()),
        "Name of the destination whose events these are: it labels the rows, and \"rollcall check\" asks it about its "
            + "webhooks.", example: .string("marketing"))
    static let auth = ConfigurationKey(
        "auth", .section(ReceiverAuthKeys.section),
        "What a request must bring along; any one of these. Required unless server.receiver_listen is loopback.")
    static let events = ConfigurationKey(
        "events", .anyOf([.choice([all]), .texts(1...Int.max)]),
        "Which events are kept: all, or those of these names. unknown stands for every name that this version of "
            + "Rollcall does not know.",
        defaultValue: .string(all), example: .strings(["emailOpen", "emailClick"]))
    static let requireUserID = ConfigurationKey(
        "require_user_id", .boolean, "true: events without a userId are counted and not kept.",
        defaultValue: .boolean(false))
    static let identifiers = ConfigurationKey(
        "identifiers", .choice(LogSettings.Identifiers.allCases.map(\.rawValue)),
        "How people appear in what is kept, the payload included: plain, masked (a***@example.com) or hashed.",
        defaultValue: .string(LogSettings.Identifiers.plain.rawValue))
    static let allowFrom = ConfigurationKey(
        "allow_from", .texts(0...Int.max),
        "Addresses and ranges (CIDR) that may post; left out or empty: all. Behind a proxy it takes "
            + "server.trusted_proxies.", example: .strings(["203.0.113.0/24"]))
    static let retentionDays = ConfigurationKey(
        "retention_days", .integer(1...36_500), "Days after which events are deleted, counted from their arrival.",
        defaultValue: .integer(400))

    static let iterable = "iterable"
    static let all = "all"
    /// The word for the names that ``KnownEvents`` has not.
    static let unknown = "unknown"

    static let section = ConfigurationSection(
        keys: [
            type, path, warehouse, destination, auth, events, requireUserID, identifiers, allowFrom, retentionDays,
        ])
}

/// What stands below `auth`.
enum ReceiverAuthKeys {
    static let basic = ConfigurationKey(
        "basic", tokens,
        "Tokens as typed into the field of Iterable's webhook for Basic; several while one is replaced by another.",
        example: .strings(["${ITERABLE_WEBHOOK_TOKEN}"]), isSecret: true)
    static let oauth2 = ConfigurationKey(
        "oauth2", tokens, "The same for OAuth2.", example: .strings(["${ITERABLE_WEBHOOK_TOKEN}"]), isSecret: true)
    static let header = ConfigurationKey(
        "header", .section(ReceiverHeaderKeys.section), "A custom header of Iterable's webhook.")

    private static let tokens = ValueKind.anyOf([.text(TextRule()), .texts(1...Int.max)])

    static let section = ConfigurationSection(keys: [basic, oauth2, header])
}

/// What stands below `auth.header`.
enum ReceiverHeaderKeys {
    static let name = ConfigurationKey(
        "name", .text(TextRule(maximumBytes: 200, pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")),
        "Name of the header, in any case.", isRequired: true, example: .string("X-Webhook-Token"))
    static let value = ConfigurationKey(
        "value", .text(TextRule()), "Its value.", isRequired: true, example: .string("${ITERABLE_WEBHOOK_TOKEN}"),
        isSecret: true)

    static let section = ConfigurationSection(keys: [name, value])
}

/// What `server` says of all receivers.
enum ReceiverListenKeys {
    static let receiverListen = ConfigurationKey(
        "receiver_listen", .text(TextRule(pattern: ServerKeys.addressPattern)),
        "Address and port at which receivers take posts, apart from dashboard and API; port 0 takes a free one. Beyond "
            + "loopback every receiver needs auth.",
        defaultValue: .string("127.0.0.1:8430"))
    static let maxBody = ConfigurationKey(
        "max_body", .size(1...32_000_000), "The most that the body of a post may have.", defaultValue: .string("1MB"))
    static let trustedProxies = ConfigurationKey(
        "trusted_proxies", .texts(0...Int.max),
        "Addresses and ranges (CIDR) of proxies whose X-Forwarded-For says who has posted.",
        example: .strings(["10.0.0.0/8"]))
    static let receiverSpool = ConfigurationKey(
        "receiver_spool", .anyOf([.choice([off]), .section(ReceiverSpoolKeys.section)]),
        "Where events wait on disk while their warehouse is away; off: they are refused with 503 then.",
        example: .object([.init("path", .string("/var/lib/rollcall/spool"))]))

    static let off = "off"
    static let all = [receiverListen, maxBody, trustedProxies, receiverSpool]
}

/// What stands below `server.receiver_spool`.
enum ReceiverSpoolKeys {
    static let path = ConfigurationKey(
        "path", .text(TextRule()),
        "A folder on a local disk; a relative path counts from the configuration's folder. Left out: a folder for this "
            + "configuration in $STATE_DIRECTORY (which systemd sets), $XDG_STATE_HOME/rollcall or ~/.local/state/rollcall.",
        example: .string("/var/lib/rollcall/spool"))
    static let maxSize = ConfigurationKey(
        "max_size", .size(1...1_000_000_000_000), "The most that may wait there.", defaultValue: .string("1GB"))

    static let section = ConfigurationSection(keys: [path, maxSize])
}
