/// A receiver: an address to which Iterable posts what became of messages, and the warehouse that keeps it.
public struct ReceiverSettings: Sendable, Equatable {
    /// What proves that a request comes from Iterable.
    public enum Credential: Sendable, Equatable {
        /// The token as typed in Iterable's field for it; taken bare, after `Basic `, in base64 after `Basic `, and after `OAuth2 `.
        case token(Secret)
        /// A separate header, by its name in lower case.
        case header(name: String, value: Secret)
    }

    /// Which events are stored.
    public enum Events: Sendable, Equatable {
        case all
        /// Those of these names, and, where `unknown` is asked for, those whose names ``KnownEvents`` has not.
        case named(Set<String>, unknown: Bool)
    }

    public var name: String
    /// Begins with `/`; no two receivers have the same.
    public var path: String
    public var warehouse: String
    /// The destination whose events these are; nil: not said.
    public var destination: String?
    /// Empty: no request needs any; only on loopback.
    public var credentials: [Credential]
    public var events: Events
    /// Whether events without a userId are left out.
    public var requiresUserID: Bool
    public var identifiers: LogSettings.Identifiers
    /// Addresses that may post; empty: all.
    public var allowFrom: [AddressRange]
    /// Days that events are kept, counted from their arrival; 1 or more.
    public var retentionDays: Int

    public init(
        name: String, path: String, warehouse: String, destination: String? = nil, credentials: [Credential] = [],
        events: Events = .all, requiresUserID: Bool = false, identifiers: LogSettings.Identifiers = .plain,
        allowFrom: [AddressRange] = [], retentionDays: Int = 400
    ) {
        self.name = name
        self.path = path
        self.warehouse = warehouse
        self.destination = destination
        self.credentials = credentials
        self.events = events
        self.requiresUserID = requiresUserID
        self.identifiers = identifiers
        self.allowFrom = allowFrom
        self.retentionDays = retentionDays
    }
}

/// How all receivers listen: on a listener apart, so that a public port shows neither dashboard nor API.
public struct ReceiverListenSettings: Sendable, Equatable {
    /// Host name or address, IPv6 without brackets.
    public var host = "127.0.0.1"
    /// 0 to 65535; 0 takes a free one.
    public var port = 8430
    /// Bytes that a body may have, 1 or more.
    public var maxBody = 1_000_000
    /// Proxies whose `X-Forwarded-For` is believed.
    public var trustedProxies: [AddressRange] = []
    /// Absolute path of the folder in which bodies wait while the warehouse is away; nil: they do not, and are answered with 503.
    public var spoolPath: String?
    /// Bytes that may wait there.
    public var spoolBytes: Int64 = 1_000_000_000

    public init() {}

    /// Whether the host is localhost, in 127.0.0.0/8, or ::1.
    public var isLoopback: Bool { LoopbackAddress.contains(host) }
}
