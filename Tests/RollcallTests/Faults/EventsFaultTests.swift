import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Whatever happens to a run of events, the next ones put things right: each event of the source is in Iterable once, by
/// its id, and says what its row says.
@Suite(.timeLimit(.minutes(10))) struct EventsFaultTests {
    private static let limits = "settle_seconds: 0.5, request_timeout_seconds: 2"
    private static let tracking = Fault.Target.pathPrefix("/api/events/track")

    /// Most orders change, and some are new.
    private func change(_ scene: EventsScene, _ round: Int) async throws {
        try await scene.shop.execute("UPDATE orders SET note = 'round \(round)' WHERE id % 3 <> \(round % 3)")
        try await scene.enter(1000 + round * 3...1002 + round * 3)
    }

    // MARK: Answers

    /// The first request of a run has it, and the third one, which may be a second try.
    private static func twice(_ kind: Fault.Kind, seconds: Double = 5) -> [Fault] {
        [1, 3].map { Fault(kind, trigger: .nth($0), target: tracking, seconds: seconds) }
    }

    private static let faults: [[Fault]] = [
        twice(.status(500)), twice(.status(429)), twice(.dropAfter), twice(.dropBefore),
        // Longer than a request waits: it is carried out when it was given up.
        twice(.stall, seconds: 2.2), twice(.truncated), twice(.lateApply, seconds: 0.4), twice(.html),
        twice(.wrongTypes), twice(.empty),
    ]

    /// With `changed_rows: update` an older content must not land over a newer one.
    @Test(arguments: Shop.Kind.allCases, ["bulk", "single"])
    func answersOfEveryKind(_ kind: Shop.Kind, _ delivery: String) async throws {
        try await EventsScene.with(kind, .hybrid, rows: 1...20) { scene in
            let sandbox = scene.shop.sandbox
            func happened() -> Int { sandbox.requestLog.count { $0.fault != nil } }
            try scene.configure(
                limits: Self.limits, sync: "start: all\n    changed_rows: update\n    delivery: \(delivery)")
            try await scene.putsRight("at first")
            for (round, faults) in Self.faults.enumerated() {
                let what = "\(delivery), round \(round), \(faults[0])"
                try await change(scene, round)
                let before = happened()
                sandbox.setFaults(faults)
                let end = try await scene.shop.rollcall("run", "orders", "--json")
                #expect([0, 1, 3].contains(end.code) && !end.endedBySignal, "\(what): \(end.all)")
                // A request that stalls is in the log of the sandbox once it is carried out.
                let haveHappened = try await eventually { happened() >= before + 2 }
                #expect(haveHappened, "\(what): \(end.all)")
                // Other content for the same events, while the lost requests may still land.
                if round.isMultiple(of: 2) { try await change(scene, 100 + round) }
                try await scene.putsRight(what)
            }
        }
    }

    // MARK: Kills

    /// Half of the processes are killed after some requests, the others at any time. The cursor passes no event that
    /// was not sent.
    @Test(arguments: Shop.Kind.allCases) func killedAnywhere(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...300) { scene in
            let sandbox = scene.shop.sandbox
            try scene.configure(
                limits: Self.limits, sync: "start: all\n    cursor: { column: seq, overlap: 20 }")
            var generator = Seeded(kind == .sqlite ? 21 : 22)
            var whole = Duration.zero
            for round in 0..<8 {
                let what = "\(kind), kill \(round)"
                if round > 0 { try await scene.enter(1000 * round...1000 * round + 99) }
                sandbox.setFaults([Fault(.stall, target: Self.tracking, seconds: 0.02)])
                let before = sandbox.counts.requests
                let program = try scene.shop.start("run", "orders")
                if round.isMultiple(of: 2) {
                    let count = Int.random(in: 1...12, using: &generator)
                    _ = try await eventually { program.hasEnded || sandbox.counts.requests >= before + count }
                } else {
                    let moment = ContinuousClock.now + whole * Double.random(in: 0...1, using: &generator)
                    _ = try await eventually { program.hasEnded || ContinuousClock.now >= moment }
                }
                program.signal(SIGKILL)
                _ = try await program.output()
                let start = ContinuousClock.now
                try await scene.putsRight(what)
                if round == 0 { whole = (ContinuousClock.now - start) / 2 }
            }
            #expect(try await scene.shop.statuses().contains("interrupted"), "some were hit in the middle")
        }
    }

    // MARK: People

    /// Events that wait are neither lost nor sent twice, whatever happens to the requests.
    @Test(arguments: Shop.Kind.allCases) func whoIsWaitedForGetsTheirEventsAllTheSame(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...12) { scene in
            let sandbox = scene.shop.sandbox
            try scene.configure(limits: Self.limits)
            for number in 100...104 { try await scene.enter(number, "late\(number % 2)@example.com") }
            for faults in [Self.twice(.dropAfter), Self.twice(.status(503)), []] {
                sandbox.setFaults(faults)
                let end = try await scene.shop.rollcall("run", "orders", "--json")
                #expect([0, 1, 3].contains(end.code), "\(end.all)")
            }
            let waiting = try await scene.shop.query(
                "SELECT record_key FROM \(scene.shop.state("synced_events")) WHERE state = 'waiting'")
            #expect(Set(waiting.compactMap { $0[0] }) == Set((100...104).map { "\($0)" }))
            sandbox.addUser(email: "late0@example.com")
            sandbox.addUser(email: "late1@example.com")
            sandbox.setFaults(Self.twice(.lateApply, seconds: 0.4))
            _ = try await scene.shop.rollcall("run", "orders", "--json")
            try await scene.putsRight("they are there")
        }
    }

    // MARK: The network

    @Test(arguments: [
        FaultyProxy.Fault.reset(.toServer, after: 400), .truncate(.toClient, after: 300),
        .loseAnswer(to: "trackBulk", after: 0), .freeze(.toServer, after: 400),
    ])
    func aNetworkThatBreaks(_ fault: FaultyProxy.Fault) async throws {
        try await EventsScene.with(.sqlite, rows: 1...20) { scene in
            let proxy = try FaultyProxy(to: try #require(scene.shop.sandbox.port))
            defer { proxy.stop() }
            try scene.configure(
                baseURL: proxy.baseURL, limits: Self.limits, sync: "start: all\n    changed_rows: update")
            try await scene.putsRight("at first")
            for round in 0..<2 {
                try await change(scene, round)
                proxy.set(fault, times: 3)
                let end = try await scene.shop.rollcall("run", "orders", "--json")
                #expect([0, 1, 3].contains(end.code) && !end.endedBySignal, "\(end.all)")
                #expect(proxy.happened > 0, "round \(round): \(end.all)")
                proxy.heal()
                if round == 1 { try await change(scene, 100) }
                try await scene.putsRight("round \(round)")
            }
        }
    }
}
