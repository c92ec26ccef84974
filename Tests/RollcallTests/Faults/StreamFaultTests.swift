import Foundation
import IterableSandbox
import TestSupport
import Testing

/// `stream:` in `rollcall serve`: each row that comes is in Iterable once, whatever happens meanwhile.
@Suite(.serialized, .timeLimit(.minutes(10))) struct StreamFaultTests {
    private static let limits = "settle_seconds: 0.5, request_timeout_seconds: 2"
    private static let tracking = Fault.Target.pathPrefix("/api/events/track")

    private static func stream(_ settings: String = "poll: 1s, linger: 0s") -> String {
        "start: all\n    cursor: { column: seq, overlap: 1000 }\n    stream: { \(settings) }"
    }

    private func serving(_ scene: EventsScene) async throws -> RunningProgram {
        let program = try scene.shop.start("serve", "--listen", "127.0.0.1:0")
        #expect(try await eventually { program.hasEnded || program.errorsSoFar.contains("streams orders") })
        #expect(!program.hasEnded, "\(program.errorsSoFar)")
        return program
    }

    private func end(_ program: RunningProgram) async throws {
        program.signal(SIGTERM)
        let output = try await program.output()
        #expect(output.code == 0 && output.stdout.isEmpty, "\(output.all)")
    }

    /// Whether Iterable has this number of events.
    private func has(_ count: Int, _ scene: EventsScene) async throws -> Bool {
        try await eventually { scene.shop.sandbox.eventCount >= count }
    }

    /// Every event of the source is in Iterable once, and the rows of the stream balance.
    private func judge(_ scene: EventsScene, _ what: String = "") async throws {
        let place = Comment(rawValue: what)
        let landed = try await eventually {
            scene.shop.sandbox.counts.pendingLateRequests == 0 && scene.shop.sandbox.counts.requestsInFlight == 0
        }
        #expect(landed, place)
        let wanted = try await scene.source()
        #expect(try scene.taken(what) == wanted, place)
        try await scene.shop.isBalanced(place)
    }

    @Test(arguments: Shop.Kind.allCases) func whatComesIsSent(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...12) { scene in
            try scene.configure(limits: Self.limits, sync: Self.stream())
            let program = try await serving(scene)
            #expect(try await has(12, scene))
            try await scene.enter(13...14)
            #expect(try await has(14, scene))
            // By hand it is busy.
            let byHand = try await scene.shop.rollcall("run", "orders")
            #expect(byHand.code == 5 && byHand.all.contains("stream"), "\(byHand.all)")
            try await scene.enter(15...15)
            #expect(try await has(15, scene))
            try await end(program)
            try await judge(scene)
            let rows = try await scene.shop.query(
                "SELECT trigger, status, rows_read FROM \(scene.shop.state("sync_runs")) ORDER BY started_at")
            let read = rows.reduce(0) { $0 + ($1[2].flatMap { Int($0) } ?? 0) }
            #expect(rows.allSatisfy { $0[0] == "stream" && $0[1] == "succeeded" } && read == 15, "\(rows)")
        }
    }

    @Test(arguments: Shop.Kind.allCases) func killedAnywhereAndTakenOver(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...50) { scene in
            let sandbox = scene.shop.sandbox
            try scene.configure(limits: Self.limits, sync: Self.stream())
            var generator = Seeded(kind == .sqlite ? 31 : 32)
            sandbox.setFaults([Fault(.stall, target: Self.tracking, seconds: 0.02)])
            var first = try await serving(scene)
            for round in 1...6 {
                // Another process waits for the lease.
                let second = try await serving(scene)
                try await scene.enter(1000 * round...1000 * round + 49)
                let before = sandbox.counts.requests
                let count = Int.random(in: 1...8, using: &generator)
                _ = try await eventually {
                    sandbox.counts.requests >= before + count || sandbox.eventCount >= 50 * round + 50
                }
                first.signal(SIGKILL)
                _ = try await first.output()
                #expect(try await has(50 + 50 * round, scene), "kill \(round): \(second.errorsSoFar)")
                first = second
            }
            try await end(first)
            try await judge(scene, "\(kind)")
        }
    }

    @Test func anOutageOfIterableIsWaitedOut() async throws {
        try await EventsScene.with(.sqlite, rows: 1...7) { scene in
            try scene.configure(limits: Self.limits, sync: Self.stream())
            let sandbox = scene.shop.sandbox
            sandbox.setFaults([
                Fault(.status(503), target: Self.tracking), Fault(.dropAfter, trigger: .nth(3), target: Self.tracking),
            ])
            let program = try await serving(scene)
            #expect(try await eventually { sandbox.requestLog.count { $0.fault != nil } >= 4 })
            try await scene.enter(8...9)
            sandbox.setFaults([])
            #expect(try await has(9, scene))
            try await end(program)
            try await judge(scene)
        }
    }

    @Test func aNotificationWakesIt() async throws {
        try await EventsScene.with(.postgres, rows: 1...1) { scene in
            try scene.configure(
                limits: Self.limits, sync: Self.stream("poll: 60s, linger: 0s, wake: \"new orders\""))
            let program = try await serving(scene)
            #expect(try await has(1, scene))
            for number in 2...4 {
                try await scene.enter(number...number)
                try await scene.shop.execute("SELECT pg_notify('new orders', '')")
                // The next look is a minute away.
                #expect(try await eventually(within: .seconds(45)) { scene.shop.sandbox.eventCount >= number })
            }
            try await end(program)
            try await judge(scene)
        }
    }

    @Test func whatIsHeldGoesOnWhenItIsApproved() async throws {
        try await EventsScene.with(.sqlite, rows: 1...3) { scene in
            try scene.configure(
                limits: Self.limits, guards: "max_age: off, max_invalid: 100%, max_events: 5", sync: Self.stream())
            let program = try await serving(scene)
            #expect(try await has(3, scene))
            try await scene.enter(4...9)
            var held: String?
            let isHeld = try await eventually {
                let rows = try await scene.shop.query(
                    "SELECT run_id FROM \(scene.shop.state("sync_runs")) WHERE status = 'held' AND trigger = 'stream'")
                held = rows.first?[0]
                return held != nil
            }
            #expect(isHeld && scene.shop.sandbox.eventCount == 3)
            let approved = try await scene.shop.rollcall("run", "--approve", try #require(held))
            #expect(approved.code == 0, "\(approved.all)")
            #expect(try await has(9, scene))
            try await scene.enter(10...11)
            #expect(try await has(11, scene))
            try await end(program)
            try await judge(scene)
        }
    }

    @Test func connectionsThatBreakAreMadeAgain() async throws {
        try await EventsScene.with(.postgres, rows: 1...7) { scene in
            try scene.configure(limits: Self.limits, sync: Self.stream("poll: 1s, linger: 0s, wake: orders"))
            let program = try await serving(scene)
            #expect(try await has(7, scene))
            for round in 1...3 {
                try await scene.shop.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                try await scene.enter(10 * round...10 * round + 3)
                #expect(try await has(7 + 4 * round, scene), "\(program.errorsSoFar)")
            }
            try await end(program)
            try await judge(scene)
        }
    }
}
