import Foundation
import IterableSandbox
import TestSupport
import Testing

/// A network between the program and Iterable that does what networks do.
@Suite(.timeLimit(.minutes(10))) struct DestinationNetworkTests {
    private static let limits =
        "requests_per_second: 1000, settle_seconds: 0.3, subscribers_per_request: 5, concurrent_requests: 2, "
        + "request_timeout_seconds: 2"

    struct Weather: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var fault: FaultyProxy.Fault
        var times = 1
    }

    private static let weathers: [Weather] = [
        Weather(testDescription: "refused", fault: .refuse, times: 2),
        Weather(testDescription: "every piece comes late", fault: .delay(seconds: 0.05), times: 40),
        Weather(testDescription: "a byte at a time", fault: .trickle, times: 40),
        Weather(testDescription: "reset within a request", fault: .reset(.toServer, after: 900), times: 3),
        Weather(testDescription: "reset within an answer", fault: .reset(.toClient, after: 500), times: 3),
        Weather(testDescription: "closed within a request", fault: .truncate(.toServer, after: 1200), times: 2),
        Weather(testDescription: "closed within an answer", fault: .truncate(.toClient, after: 700), times: 3),
        Weather(testDescription: "answers are lost", fault: .loseAnswer(to: "subscribers", after: 1), times: 3),
        Weather(testDescription: "half-open, requests", fault: .freeze(.toServer, after: 1500), times: 2),
        Weather(testDescription: "half-open, answers", fault: .freeze(.toClient, after: 900), times: 2),
    ]

    /// People leave between the bad run and the next one: the lost requests of theirs must not bring them back.
    @Test(arguments: weathers) func theNextRunPutsThingsRight(_ weather: Weather) async throws {
        try await FaultScene.with(.sqlite, .hybrid, limits: Self.limits) { scene in
            let proxy = try FaultyProxy(to: try #require(scene.shop.sandbox.port))
            defer { proxy.stop() }
            try scene.configure {
                $0.limits = Self.limits
                $0.baseURL = proxy.baseURL
            }
            try await scene.putsRight()
            for round in 0..<2 {
                try await scene.leave(Set(round * 10 + 1...round * 10 + 10))
                try await scene.enter(Set(round * 10 + 31...round * 10 + 40))
                proxy.set(weather.fault, times: weather.times)
                let end = try await scene.shop.rollcall("run", "members", "--json")
                #expect([0, 1, 3].contains(end.code) && !end.endedBySignal, "\(end.all)")
                #expect(proxy.happened > 0)
                proxy.heal()
                if round == 1 { try await scene.leave(Set(36...40)) }
                try await scene.putsRight("round \(round)")
            }
        }
    }
}
