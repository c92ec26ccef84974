import Foundation
import IterableSandbox
import TestSupport
import Testing

/// `stream:` of users in `rollcall serve`: each profile is as its row says, whatever happens meanwhile.
@Suite(.serialized, .timeLimit(.minutes(10))) struct UsersStreamFaultTests {
    private static let limits = "settle_seconds: 0.5, request_timeout_seconds: 2"
    /// Limits that a busy machine does not reach, for a test that counts what is sent.
    private static let unhurried = "settle_seconds: 0.5, request_timeout_seconds: 40"
    private static let updates = Fault.Target.pathPrefix("/api/users/bulkUpdate")

    /// The number of a person's orders grows with each change.
    private func configure(_ scene: UsersScene, sweep: String = "24h", limits: String = Self.limits) throws {
        try scene.configure(
            limits: limits,
            sync: "new_fields: create\n    cursor: { column: orders, overlap: 100000, sweep: \(sweep) }\n"
                + "    stream: { poll: 1s, linger: 0s }")
    }

    private func serving(_ scene: UsersScene) async throws -> RunningProgram {
        let program = try scene.shop.start("serve", "--listen", "127.0.0.1:0")
        #expect(try await eventually { program.hasEnded || program.errorsSoFar.contains("streams customers") })
        #expect(!program.hasEnded, "\(program.errorsSoFar)")
        return program
    }

    private func end(_ program: RunningProgram) async throws {
        program.signal(SIGTERM)
        let output = try await program.output()
        #expect(output.code == 0 && output.stdout.isEmpty, "\(output.all)")
    }

    private func isEqual(_ scene: UsersScene) async throws -> Bool {
        try await eventually { try await scene.source() == scene.profiles }
    }

    @Test(arguments: Shop.Kind.allCases) func whatComesAndWhatChangesIsSent(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...12) { scene in
            try configure(scene, limits: Self.unhurried)
            let program = try await serving(scene)
            #expect(try await isEqual(scene), "\(program.errorsSoFar)")
            try await scene.enter(13...14)
            try await scene.shop.execute("UPDATE customers SET plan = 'pro', orders = orders + 20 WHERE id <= 3")
            #expect(try await isEqual(scene), "\(program.errorsSoFar)")
            // Twelve at first, two new ones and three that have changed: no one was sent twice for nothing.
            #expect(try await eventually { scene.sent.reduce(0, +) >= 17 })
            #expect(scene.sent.reduce(0, +) == 17, "\(scene.sent)")
            // By hand it is busy.
            let byHand = try await scene.shop.rollcall("run", "customers")
            #expect(byHand.code == 5 && byHand.all.contains("stream"), "\(byHand.all)")
            try await end(program)
            let rows = try await scene.shop.query(
                "SELECT trigger, status FROM \(scene.shop.state("sync_runs")) WHERE sync_name = 'customers'")
            #expect(!rows.isEmpty && rows.allSatisfy { $0[0] == "stream" && $0[1] == "succeeded" }, "\(rows)")
            try await scene.putsRight("\(kind)")
        }
    }

    @Test(arguments: Shop.Kind.allCases) func killedAnywhereAndTakenOver(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...50) { scene in
            let sandbox = scene.shop.sandbox
            try configure(scene, sweep: "5s")
            var generator = Seeded(kind == .sqlite ? 41 : 42)
            sandbox.setFaults([Fault(.stall, target: Self.updates, seconds: 0.02)])
            var first = try await serving(scene)
            for round in 1...4 {
                // Another process waits for the lease.
                let second = try await serving(scene)
                try await scene.enter(1000 * round...1000 * round + 9)
                try await scene.shop.execute(
                    "UPDATE customers SET plan = 'plan \(round)', orders = orders + 1 WHERE id % 3 = \(round % 3)")
                let before = sandbox.counts.requests
                let count = Int.random(in: 1...6, using: &generator)
                _ = try await eventually {
                    if sandbox.counts.requests >= before + count { return true }
                    return try await scene.source() == scene.profiles
                }
                first.signal(SIGKILL)
                _ = try await first.output()
                #expect(try await isEqual(scene), "kill \(round): \(second.errorsSoFar)")
                first = second
            }
            try await end(first)
            try await scene.putsRight("\(kind)")
        }
    }

    @Test func anOutageOfIterableIsWaitedOut() async throws {
        try await UsersScene.with(.sqlite, rows: 1...7) { scene in
            try configure(scene)
            let program = try await serving(scene)
            #expect(try await isEqual(scene), "\(program.errorsSoFar)")
            let sandbox = scene.shop.sandbox
            sandbox.setFaults([Fault(.status(503), target: Self.updates)])
            try await scene.enter(8...9)
            #expect(try await eventually { sandbox.requestLog.count { $0.fault != nil } >= 2 })
            sandbox.setFaults([])
            #expect(try await isEqual(scene), "\(program.errorsSoFar)")
            try await end(program)
            try await scene.putsRight()
        }
    }
}
