import Foundation
import IterableSandbox
import TestSupport
import Testing

/// A network between the program and Postgres that does what networks do.
@Suite(.timeLimit(.minutes(10))) struct WarehouseNetworkTests {
    private struct Wire {
        let proxy: FaultyProxy
        let environment: [String: String]
    }

    private func withWire(
        _ project: FaultScene.Project = .email, _ body: (FaultScene, Wire) async throws -> Void
    ) async throws {
        let limits =
            "requests_per_second: 1000, settle_seconds: 0.2, subscribers_per_request: 5, concurrent_requests: 2, "
            + "request_timeout_seconds: 4"
        try await FaultScene.with(.postgres, project, limits: limits) { scene in
            let postgres = try #require(scene.shop.fixture as? PostgresFixture)
            let proxy = try FaultyProxy(to: postgres.cluster.port)
            defer { proxy.stop() }
            let url = postgres.cluster.tcpURL(database: postgres.database)
                .replacing(":\(postgres.cluster.port)/", with: ":\(proxy.port)/")
            try await body(scene, Wire(proxy: proxy, environment: ["WAREHOUSE_URL": url]))
        }
    }

    private func change(_ scene: FaultScene, _ round: Int) async throws {
        try await scene.leave(Set(round * 8 + 1...round * 8 + 8))
        try await scene.enter(Set(round * 8 + 31...round * 8 + 38))
    }

    private enum Break: String, Sendable, CaseIterable {
        case reset
        case truncate

        func fault(_ direction: FaultyProxy.Direction, after bytes: Int) -> FaultyProxy.Fault {
            switch self {
            case .reset: .reset(direction, after: bytes)
            case .truncate: .truncate(direction, after: bytes)
            }
        }
    }

    /// Connections break at points spread evenly over all that a run says and hears.
    @Test func brokenAnywhereTheNextRunPutsThingsRight() async throws {
        try await withWire { scene, wire in
            try await scene.putsRight(environment: wire.environment)
            try await change(scene, 0)
            let before = wire.proxy.traffic
            _ = try await scene.shop.rollcall("run", "members", environment: wire.environment)
            let traffic = wire.proxy.traffic
            let points = 12
            for point in 0..<points {
                try await change(scene, point + 1)
                let direction: FaultyProxy.Direction = point.isMultiple(of: 2) ? .toServer : .toClient
                let bytes =
                    direction == .toServer
                    ? traffic.toServer - before.toServer : traffic.toClient - before.toClient
                let way = Break.allCases[point / 2 % 2]
                wire.proxy.set(way.fault(direction, after: bytes * (2 * point + 1) / (2 * points)))
                let end = try await scene.shop.rollcall("run", "members", "--json", environment: wire.environment)
                #expect([0, 1, 3].contains(end.code) && !end.endedBySignal, "point \(point): \(end.all)")
                wire.proxy.heal()
                try await scene.putsRight(environment: wire.environment, "\(way) \(direction) point \(point)")
            }
        }
    }

    /// A COMMIT that was carried out and whose answer was lost: each one of a run in turn, until a run has no more.
    @Test func aCommitWhoseAnswerIsLostIsSettled() async throws {
        try await withWire(.hybrid) { scene, wire in
            try await scene.putsRight(environment: wire.environment)
            var lost = 0
            while true {
                try await change(scene, lost)
                wire.proxy.set(.loseAnswer(to: "COMMIT", after: lost))
                let end = try await scene.shop.rollcall("run", "members", "--json", environment: wire.environment)
                #expect([0, 1, 3].contains(end.code) && !end.endedBySignal, "commit \(lost): \(end.all)")
                let happened = wire.proxy.happened
                wire.proxy.heal()
                try await scene.putsRight(environment: wire.environment, "commit \(lost)")
                if happened == 0 { break }
                lost += 1
            }
            #expect(lost >= 10, "a run has that many transactions at least: \(lost)")
        }
    }

    /// Slow is no fault: the run ends well.
    @Test(arguments: [FaultyProxy.Fault.delay(seconds: 0.02), .trickle])
    func aSlowNetworkIsWaitedFor(_ fault: FaultyProxy.Fault) async throws {
        try await withWire { scene, wire in
            wire.proxy.set(fault, times: 150)
            let end = try await scene.shop.rollcall("run", "members", "--json", environment: wire.environment)
            #expect(end.code == 0, "\(end.all)")
            #expect(wire.proxy.happened > 20)
            wire.proxy.heal()
            try await scene.putsRight(environment: wire.environment)
        }
    }
}
