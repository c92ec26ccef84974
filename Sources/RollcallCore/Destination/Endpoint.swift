/// A call of Iterable that changes something, with its own rate limit. The raw value is its name in metrics.
public enum Endpoint: String, Sendable, Hashable, CaseIterable {
    case listSubscribe = "subscribe"
    case listUnsubscribe = "unsubscribe"

    public var path: String {
        switch self {
        case .listSubscribe: "/api/lists/subscribe"
        case .listUnsubscribe: "/api/lists/unsubscribe"
        }
    }
}

extension DestinationLimits {
    /// How many requests a second an endpoint may get. More than 0.
    public func requestsPerSecond(_ endpoint: Endpoint) -> Double {
        switch endpoint {
        case .listSubscribe, .listUnsubscribe: requestsPerSecond
        }
    }
}

extension DeliveryRequest {
    /// Where it is sent.
    public var endpoint: Endpoint {
        switch operation.direction {
        case .put: .listSubscribe
        case .remove: .listUnsubscribe
        }
    }
}
