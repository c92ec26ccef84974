import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Whatever happens to a run of a catalog, the next one puts things right.
@Suite(.timeLimit(.minutes(10))) struct CatalogFaultTests {
    private func change(_ scene: CatalogScene, _ round: Int) async throws {
        try await scene.remove("k\(round + 1)")
        for number in round * 3 + 8...round * 3 + 14 { try await scene.put("k\(number)", number + 100 * (round + 1)) }
    }

    private static let faults: [[Fault]] = [
        [Fault(.dropAfter, trigger: .probability(0.4), target: .pathPrefix("/api/catalogs"))],
        [Fault(.lateApply, trigger: .probability(0.4), target: .pathPrefix("/api/catalogs"), seconds: 0.4)],
        [Fault(.status(503), trigger: .probability(0.4), target: .pathPrefix("/api/catalogs"))],
        [Fault(.truncated, trigger: .probability(0.4), target: .pathPrefix("/api/catalogs"))],
        [Fault(.status(429), trigger: .probability(0.4), target: .pathPrefix("/api/catalogs"))],
    ]

    @Test(arguments: Shop.Kind.allCases) func answersOfEveryKind(_ kind: Shop.Kind) async throws {
        try await CatalogScene.with(kind, rows: 1...30) { scene in
            try await scene.putsRight("at first")
            for (round, faults) in Self.faults.enumerated() {
                try await change(scene, round)
                scene.shop.sandbox.setFaults(faults)
                let end = try await scene.shop.rollcall("run", "goods", "--json")
                #expect([0, 1, 3].contains(end.code) && !end.endedBySignal, "\(end.all)")
                // Other content for the same items, while the lost requests may still land.
                try await scene.put("k\(round * 3 + 9)", 7 + round)
                try await scene.putsRight("round \(round)")
            }
        }
    }

    @Test(arguments: Shop.Kind.allCases) func killedAnywhere(_ kind: Shop.Kind) async throws {
        try await CatalogScene.with(kind, rows: 1...30, tune: { $0.latencySeconds = 0.02 }) { scene in
            let start = ContinuousClock.now
            try await scene.putsRight("at first")
            let whole = start.duration(to: .now) - .seconds(0.6)
            let rounds = 8
            for round in 0..<rounds {
                try await change(scene, round)
                let program = try scene.shop.start("run", "goods")
                try await Task.sleep(for: whole * (Double(round) + 0.5) / Double(rounds))
                program.signal(SIGKILL)
                _ = try await program.output()
                try await scene.putsRight("kill \(round)")
            }
        }
    }

    @Test(arguments: [
        FaultyProxy.Fault.reset(.toServer, after: 400), .truncate(.toClient, after: 300),
        .loseAnswer(to: "documents", after: 0), .freeze(.toServer, after: 400),
    ])
    func aNetworkThatBreaks(_ fault: FaultyProxy.Fault) async throws {
        try await CatalogScene.with(.sqlite, rows: 1...30) { scene in
            let proxy = try FaultyProxy(to: try #require(scene.shop.sandbox.port))
            defer { proxy.stop() }
            try scene.configure(baseURL: proxy.baseURL)
            try await scene.putsRight("at first")
            for round in 0..<2 {
                try await change(scene, round)
                proxy.set(fault, times: 3)
                let end = try await scene.shop.rollcall("run", "goods", "--json")
                #expect([0, 1, 3].contains(end.code) && !end.endedBySignal, "\(end.all)")
                #expect(proxy.happened > 0, "round \(round): \(end.all)")
                proxy.heal()
                try await scene.put("k\(round * 3 + 9)", 7 + round)
                try await scene.putsRight("round \(round)")
            }
        }
    }
}
