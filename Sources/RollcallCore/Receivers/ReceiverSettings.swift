/// A receiver: an address to which Iterable posts what became of messages, and the warehouse that keeps it.
package struct ReceiverSettings: Sendable, Equatable {
    /// What proves that a request comes from Iterable.
    package enum Credential: Sendable, Equatable {
        /// The token as typed in Iterable's field for it; taken bare, after `Basic `, in base64 after `Basic `, and after `OAuth2 `.
        case token(Secret)
        /// A separate header, by its name in lower case.
        case header(name: String, value: Secret)
    }

    /// Which events are stored.
    package enum Events: Sendable, Equatable {
        case all
        /// Those of these names, and, where `unknown` is asked for, those whose names ``KnownEvents`` has not.
        case named(Set<String>, unknown: Bool)
    }

    package var name: String
    /// Begins with `/`; no two receivers have the same.
    package var path: String
    package var warehouse: String
    /// The destination whose events these are; nil: not said.
    package var destination: String?
    /// Empty: no request needs any; only on loopback.
    package var credentials: [Credential]
    package var events: Events
    /// Whether events without a userId are left out.
    package var requiresUserID: Bool
    package var identifiers: LogSettings.Identifiers
    /// Addresses that may post; empty: all.
    package var allowFrom: [AddressRange]
    /// Days that events are kept, counted from their arrival; 1 or more.
    package var retentionDays: Int

    package init(
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
package struct ReceiverListenSettings: Sendable, Equatable {
    /// Host name or address, IPv6 without brackets.
    package var host = "127.0.0.1"
    /// 0 to 65535; 0 takes a free one.
    package var port = 8430
    /// Bytes that a body may have, 1 or more.
    package var maxBody = 1_000_000
    /// Proxies whose `X-Forwarded-For` is believed.
    package var trustedProxies: [AddressRange] = []
    /// Absolute path of the folder in which bodies wait while the warehouse is away; nil: they do not, and are answered with 503.
    package var spoolPath: String?
    /// Bytes that may wait there.
    package var spoolBytes: Int64 = 1_000_000_000

    package init() {}

    /// Whether the host is localhost, in 127.0.0.0/8, or ::1.
    package var isLoopback: Bool { LoopbackAddress.contains(host) }
}
