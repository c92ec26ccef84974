import Foundation
import IterableSandbox
import TestSupport
import Testing

/// `move-state` is killed anywhere, from Postgres to SQLite and back: another one completes it, and runs go on as if nothing
/// had moved.
@Suite(.timeLimit(.minutes(30))) struct MoveStateFaultTests {
    private static let rounds = 10

    @Test(arguments: Shop.Kind.allCases, FaultScene.Project.allCases)
    func killedAnywhereItIsCompleted(_ kind: Shop.Kind, _ project: FaultScene.Project) async throws {
        try await StateScene.with(kind, project, people: 1...60) { scene in
            #expect(try await scene.run().code == 0)
            var generator = Seeded(kind == .sqlite ? 11 : 12)
            let full = try await measure(scene)
            for round in 0..<Self.rounds {
                let what = "\(kind) \(project) round \(round)"
                let isKilledRun = round % 3 == 1
                if isKilledRun { try await killRun(scene, round) }
                // The rounds begin with the state in the archive.
                try scene.configure(inArchive: !round.isMultiple(of: 2))
                try await killMove(scene, after: full * Double.random(in: 0...1.1, using: &generator))
                if round % 4 == 3 {
                    // The state is to go the other way, and then this way after all.
                    try scene.configure(inArchive: round.isMultiple(of: 2))
                    try await killMove(scene, after: full * Double.random(in: 0...1.1, using: &generator))
                    try scene.configure(inArchive: !round.isMultiple(of: 2))
                }
                let again = try await scene.rollcall("move-state", "shop", "--yes")
                #expect(again.code == 0, "\(what): \(again.all)")
                try await goesOn(scene, sendsNothing: !isKilledRun, what)
            }
        }
    }

    /// Moves the state to the archive, and says how long that took.
    private func measure(_ scene: StateScene) async throws -> Duration {
        try scene.configure(inArchive: true)
        let start = ContinuousClock.now
        let first = try await scene.rollcall("move-state", "shop", "--yes")
        let full = ContinuousClock.now - start
        #expect(first.code == 0, "\(first.all)")
        try await goesOn(scene, sendsNothing: true, "the first move")
        return full
    }

    /// A run is killed while it sends.
    private func killRun(_ scene: StateScene, _ round: Int) async throws {
        try await scene.scene.leave([round + 1, round + 20])
        try await scene.scene.enter(Set(1000 + round * 10...1008 + round * 10))
        let before = scene.shop.sandbox.counts.requests
        let program = try scene.start("run", "members")
        try await scene.scene.reached(3, since: before, program)
        program.signal(SIGKILL)
        _ = try await program.output()
    }

    private func killMove(_ scene: StateScene, after delay: Duration) async throws {
        let program = try scene.start("move-state", "shop", "--yes")
        let moment = ContinuousClock.now + delay
        _ = try await eventually { program.hasEnded || ContinuousClock.now >= moment }
        program.signal(SIGKILL)
        _ = try await program.output()
    }

    private func goesOn(_ scene: StateScene, sendsNothing: Bool, _ what: String) async throws {
        let before = scene.shop.sandbox.counts.requests
        let run = try await scene.run()
        #expect([0, 3].contains(run.code), "\(what): \(run.all)")
        if sendsNothing { #expect(scene.deliveries(since: before) == 0, "\(what): \(run.all)") }
        let isQuiet = try await eventually { scene.shop.sandbox.counts.pendingLateRequests == 0 }
        #expect(isQuiet, "\(what)")
        let (audience, members) = (try await scene.scene.audience(), try await scene.scene.ours())
        #expect(members == audience, "\(what)")
        let then = scene.shop.sandbox.counts.requests
        let second = try await scene.run()
        #expect(second.code == 0 && scene.deliveries(since: then) == 0, "\(what): \(second.all)")
        #expect(scene.shop.sandbox.counts.channelUnsubscribes == 0, "\(what)")
    }
}
