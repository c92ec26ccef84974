package import RollcallCore

/// Where `rollcall serve` sends alerts.
package struct AlertSettings: Sendable, Equatable {
    package var thresholds = AlertThresholds()
    package var webhooks: [WebhookSettings] = []

    package init() {}
}

/// An address that gets a POST for each change of a sync's or receiver's state.
package struct WebhookSettings: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// `{"text": "…"}`.
        case slack
        /// The alert as an object, signed.
        case json
    }

    /// http or https; a secret, for some carry one.
    package var url: Secret
    package var kind: Kind
    /// Key of the signature; only with `json`.
    package var secret: Secret?
    package var on: Set<AlertKind>

    package init(url: Secret, kind: Kind, secret: Secret? = nil, on: Set<AlertKind> = Set(AlertKind.allCases)) {
        self.url = url
        self.kind = kind
        self.secret = secret
        self.on = on
    }
}
