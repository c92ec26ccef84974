public import RollcallCore

/// Where `rollcall serve` sends alerts.
public struct AlertSettings: Sendable, Equatable {
    public var thresholds = AlertThresholds()
    public var webhooks: [WebhookSettings] = []

    public init() {}
}

/// An address that gets a POST for each change of a sync's or receiver's state.
public struct WebhookSettings: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        /// `{"text": "…"}`.
        case slack
        /// The alert as an object, signed.
        case json
    }

    /// http or https; a secret, for some carry one.
    public var url: Secret
    public var kind: Kind
    /// Key of the signature; only with `json`.
    public var secret: Secret?
    public var on: Set<AlertKind>

    public init(url: Secret, kind: Kind, secret: Secret? = nil, on: Set<AlertKind> = Set(AlertKind.allCases)) {
        self.url = url
        self.kind = kind
        self.secret = secret
        self.on = on
    }
}
