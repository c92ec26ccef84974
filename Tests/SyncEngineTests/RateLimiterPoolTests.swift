import RollcallCore
import Testing

@testable import SyncEngine

@Suite struct RateLimiterPoolTests {
    private static func destination(_ name: String = "marketing", perSecond: Double = 2) -> DestinationSettings {
        var destination = DestinationSettings(name: name, apiKey: Secret("key"), projectType: .email)
        destination.limits.requestsPerSecond = perSecond
        return destination
    }

    /// How long a request must wait that is sent at once.
    private static func wait(_ pool: RateLimiterPool, _ endpoint: Endpoint, _ destination: DestinationSettings)
        -> Duration
    {
        pool.reserve(destination, endpoint).delay
    }

    /// Iterable limits each endpoint by itself: requests of one do not use up those of another.
    @Test func endpointsDoNotShareALimit() {
        let pool = RateLimiterPool(clock: SystemClock())
        let destination = Self.destination(perSecond: 0.01)
        #expect(Self.wait(pool, .listSubscribe, destination) == .zero)
        #expect(Self.wait(pool, .listSubscribe, destination) > .seconds(1))
        #expect(Self.wait(pool, .listUnsubscribe, destination) == .zero)
        #expect(Self.wait(pool, .listUnsubscribe, destination) > .seconds(1))
    }

    @Test func aRefusalSlowsItsOwnEndpointAndDestination() {
        let pool = RateLimiterPool(clock: SystemClock())
        let (one, other) = (Self.destination(), Self.destination("other"))
        for destination in [one, other] {
            for endpoint in Endpoint.allCases { _ = pool.reserve(destination, endpoint) }
        }
        pool.rateLimited(one, .listSubscribe, after: .seconds(100))
        #expect(Self.wait(pool, .listSubscribe, one) > .seconds(50))
        #expect(Self.wait(pool, .listUnsubscribe, one) < .seconds(50))
        #expect(Self.wait(pool, .listSubscribe, other) < .seconds(50))
    }

    /// All syncs of a destination share its limit.
    @Test func oneDestinationHasOneLimit() {
        let pool = RateLimiterPool(clock: SystemClock())
        #expect(Self.wait(pool, .listSubscribe, Self.destination(perSecond: 0.01)) == .zero)
        #expect(Self.wait(pool, .listSubscribe, Self.destination(perSecond: 0.01)) > .seconds(1))
    }
}
