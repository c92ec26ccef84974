import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Connections that the server ends, and servers that end, in mid-run.
@Suite(.timeLimit(.minutes(10))) struct PostgresFaultTests {
    @Test func endedBackendsAreGotOver() async throws {
        try await FaultScene.with(.postgres, .hybrid, tune: { $0.latencySeconds = 0.01 }) { scene in
            let postgres = try #require(scene.shop.fixture as? PostgresFixture)
            var generator = Seeded(3)
            for round in 1...6 {
                try await scene.leave(Set((round - 1) * 10 + 1...round * 10))
                try await scene.enter(Set(round * 10 + 21...round * 10 + 30))
                let program = try scene.shop.start("run", "members", "--json")
                var ended = 0
                while !program.hasEnded && ended <= round {
                    let pause = ContinuousClock.now + .milliseconds(Int.random(in: 5...80, using: &generator))
                    _ = try await eventually { program.hasEnded || ContinuousClock.now > pause }
                    try await postgres.cluster.terminateBackends(database: postgres.database)
                    ended += 1
                }
                let end = try await program.output()
                #expect([0, 1, 3].contains(end.code) && !end.endedBySignal, "round \(round): \(end.all)")
                try await scene.putsRight("round \(round)")
            }
        }
    }

    /// The run itself comes to its end: it waits for the server.
    @Test(arguments: [true, false]) func aRestartedServerIsWaitedFor(isFast: Bool) async throws {
        let cluster = try await PostgresCluster.separate()
        defer { cluster.stop() }
        let fixture = try await PostgresFixture.make(on: cluster)
        try await FaultScene.with(.postgres, fixture: fixture, tune: { $0.latencySeconds = 0.05 }) { scene in
            try await scene.putsRight()
            try await scene.leave(Set(1...15))
            try await scene.enter(Set(31...45))
            let before = scene.shop.sandbox.counts.requests
            let program = try scene.shop.start("run", "members", "--json")
            try await scene.reached(3, since: before, program)
            try await cluster.restart(isFast: isFast)
            let end = try await program.output()
            #expect(end.code == 0, "\(end.all)")
            try await scene.isRight()
            try await scene.putsRight()
        }
    }

    /// A server that is away for longer than the lease: the run fails, says so, and the next one puts things right.
    @Test func aServerThatStaysAwayEndsTheRun() async throws {
        let cluster = try await PostgresCluster.separate()
        defer { cluster.stop() }
        let fixture = try await PostgresFixture.make(on: cluster)
        try await FaultScene.with(.postgres, fixture: fixture, tune: { $0.latencySeconds = 0.6 }) { scene in
            let proxy = try FaultyProxy(to: cluster.port)
            defer { proxy.stop() }
            let url = cluster.tcpURL(database: fixture.database).replacing(":\(cluster.port)/", with: ":\(proxy.port)/")
            let program = try scene.shop.start("run", "members", "--json", environment: ["WAREHOUSE_URL": url])
            try await scene.reached(3, since: 0, program)
            proxy.stop()
            let end = try await program.output()
            #expect(end.code == 1 && !end.endedBySignal, "\(end.all)")
            #expect(end.all.contains("warehouse_connection"), "\(end.all)")
            #expect(scene.deliveries.count < 10)
            try await scene.putsRight()
        }
    }
}
