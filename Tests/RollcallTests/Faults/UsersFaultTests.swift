import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Whatever happens to a run of users, the next ones put things right.
@Suite(.timeLimit(.minutes(10))) struct UsersFaultTests {
    private static let limits = "settle_seconds: 0.5, request_timeout_seconds: 2"

    /// Most people get another plan, one has none any more, and one is new.
    private func change(_ scene: UsersScene, _ round: Int) async throws {
        try await scene.shop.execute(
            "UPDATE customers SET plan = 'plan \(round)', orders = orders + 1 WHERE id % 3 <> \(round % 3)")
        try await scene.shop.execute("UPDATE customers SET plan = NULL WHERE id = \(round + 1)")
        try await scene.enter(1000 + round...1000 + round)
    }

    // MARK: Answers

    /// The first request of a run has it, and the third one, which may be a second try.
    private static func twice(_ kind: Fault.Kind, seconds: Double = 5) -> [Fault] {
        [1, 3].map { Fault(kind, trigger: .nth($0), target: .pathPrefix("/api/users/bulkUpdate"), seconds: seconds) }
    }

    private static let faults: [[Fault]] = [
        twice(.status(500)), twice(.status(429)), twice(.dropAfter), twice(.dropBefore),
        // Longer than a request waits: it is carried out when it was given up.
        twice(.stall, seconds: 2.2), twice(.truncated), twice(.lateApply, seconds: 0.4), twice(.html),
        twice(.wrongTypes), twice(.empty),
        [
            Fault(.status(503), trigger: .nth(1), target: .pathPrefix("/api/users/getFields")),
            Fault(.html, trigger: .nth(2), target: .pathPrefix("/api/users/getFields")),
        ],
    ]

    @Test(arguments: Shop.Kind.allCases) func answersOfEveryKind(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, .hybrid, rows: 1...20) { scene in
            let sandbox = scene.shop.sandbox
            func happened() -> Int { sandbox.requestLog.count { $0.fault != nil } }
            try scene.configure(limits: Self.limits)
            try await scene.putsRight("at first")
            for (round, faults) in Self.faults.enumerated() {
                let what = "round \(round), \(faults[0])"
                try await change(scene, round)
                let before = happened()
                sandbox.setFaults(faults)
                let end = try await scene.shop.rollcall("run", "customers", "--json")
                #expect([0, 1, 3].contains(end.code) && !end.endedBySignal, "\(what): \(end.all)")
                // A request that stalls is in the log of the sandbox once it is carried out.
                let haveHappened = try await eventually { happened() >= before + 2 }
                #expect(haveHappened, "\(what): \(end.all)")
                // Other content for the same people, while the lost requests may still land.
                if round.isMultiple(of: 2) { try await change(scene, 100 + round) }
                try await scene.putsRight(what)
            }
        }
    }

    // MARK: Kills

    /// Half of the processes are killed after some requests, the others at any time. The first run makes new fields.
    @Test(arguments: Shop.Kind.allCases) func killedAnywhere(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...300) { scene in
            let sandbox = scene.shop.sandbox
            try scene.configure(limits: Self.limits)
            var generator = Seeded(kind == .sqlite ? 11 : 12)
            var whole = Duration.zero
            for round in 0..<8 {
                let what = "\(kind), kill \(round)"
                if round > 0 { try await change(scene, round) }
                sandbox.setFaults([Fault(.stall, target: .pathPrefix("/api/users/bulkUpdate"), seconds: 0.02)])
                let before = sandbox.counts.requests
                let program = try scene.shop.start("run", "customers")
                if round.isMultiple(of: 2) {
                    let count = Int.random(in: 1...12, using: &generator)
                    _ = try await eventually { program.hasEnded || sandbox.counts.requests >= before + count }
                } else {
                    let moment = ContinuousClock.now + whole * Double.random(in: 0...1, using: &generator)
                    _ = try await eventually { program.hasEnded || ContinuousClock.now >= moment }
                }
                program.signal(SIGKILL)
                _ = try await program.output()
                if round % 3 == 1 { try await change(scene, 100 + round) }
                let start = ContinuousClock.now
                try await scene.putsRight(what)
                if round == 0 { whole = (ContinuousClock.now - start) / 2 }
            }
            #expect(try await scene.shop.statuses().contains("interrupted"), "some were hit in the middle")
        }
    }

    // MARK: The network

    @Test(arguments: [
        FaultyProxy.Fault.reset(.toServer, after: 400), .truncate(.toClient, after: 300),
        .loseAnswer(to: "bulkUpdate", after: 0), .freeze(.toServer, after: 400),
    ])
    func aNetworkThatBreaks(_ fault: FaultyProxy.Fault) async throws {
        try await UsersScene.with(.sqlite, rows: 1...20) { scene in
            let proxy = try FaultyProxy(to: try #require(scene.shop.sandbox.port))
            defer { proxy.stop() }
            try scene.configure(baseURL: proxy.baseURL, limits: Self.limits)
            try await scene.putsRight("at first")
            for round in 0..<2 {
                try await change(scene, round)
                proxy.set(fault, times: 3)
                let end = try await scene.shop.rollcall("run", "customers", "--json")
                #expect([0, 1, 3].contains(end.code) && !end.endedBySignal, "\(end.all)")
                #expect(proxy.happened > 0, "round \(round): \(end.all)")
                proxy.heal()
                if round == 1 { try await change(scene, 100) }
                try await scene.putsRight("round \(round)")
            }
        }
    }
}
