import Foundation
import IterableSandbox
import TestSupport
import Testing

/// A process that stood still until its lease was another's.
@Suite(.timeLimit(.minutes(10))) struct PauseTests {
    /// One stands still while its requests are under way, the other while it waits to try again.
    @Test(arguments: [Shop.Kind.sqlite, .postgres], [true, false])
    func whoSleptPastTheLeaseSendsNothingMore(_ kind: Shop.Kind, whileWaiting: Bool) async throws {
        let limits =
            "requests_per_second: 1000, settle_seconds: 0.4, subscribers_per_request: 3, concurrent_requests: 2, "
            + "request_timeout_seconds: 2"
        try await FaultScene.with(kind, limits: limits) { scene in
            try await scene.putsRight()
            try await scene.leave(Set(1...12))
            try await scene.enter(Set(31...48))
            let fault = whileWaiting ? Fault(.status(429), retryAfterSeconds: 2) : Fault(.stall, seconds: 0.5)
            scene.shop.sandbox.setFaults([fault])
            let before = scene.shop.sandbox.counts.requests
            let sleeper = try scene.shop.start("run", "members", "--json")
            try await scene.reached(whileWaiting ? 3 : 4, since: before, sleeper)
            try await stop(sleeper, scene)
            scene.shop.sandbox.setFaults([])
            try await expire(scene)
            let winner = try await scene.shop.rollcall("run", "members", "--json")
            #expect([0, 3].contains(winner.code), "\(winner.all)")
            try await scene.isRight()
            let (runs, sent) = (try await record(scene), scene.deliveries.count)
            sleeper.signal(SIGCONT)
            let end = try await sleeper.output()
            #expect(end.code == 1 && !end.endedBySignal, "\(end.all)")
            // Within a transaction, the server has ended its connection meanwhile.
            #expect(end.all.contains("lease") || end.all.contains("warehouse_connection"), "\(end.all)")
            #expect(scene.deliveries.count == sent, "nothing is sent after waking")
            #expect(try await record(scene) == runs, "the winner's record is as it was")
            try await scene.isRight()
            try await scene.putsRight()
        }
    }

    /// Stops the process, though not within a transaction: it would keep the SQLite file locked for everybody.
    private func stop(_ program: RunningProgram, _ scene: FaultScene) async throws {
        let isStopped = try await eventually {
            program.signal(SIGSTOP)
            // The signal takes a moment to reach every thread; one of them may begin a transaction meanwhile.
            guard try await eventually({ PauseTests.standsStill(program.processID) }) else { return false }
            guard let file = scene.shop.fixture as? SQLiteFixture else { return true }
            if let lock = try? SQLiteLock(file.path) {
                try lock.release()
                return true
            }
            program.signal(SIGCONT)
            return false
        }
        #expect(isStopped && !program.hasEnded)
    }

    /// Whether every thread of a process is stopped. Source: proc(5), the state in `task/*/stat`.
    private static func standsStill(_ pid: Int32) -> Bool {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
        return !tasks.isEmpty
            && tasks.allSatisfy { task in
                guard let stat = try? String(contentsOfFile: "/proc/\(pid)/task/\(task)/stat", encoding: .utf8),
                    let end = stat.lastIndex(of: ")")
                else { return true }
                return stat[stat.index(after: end)...].trimmingCharacters(in: .whitespaces).first == "T"
            }
    }

    /// Waits until the lease of the process that stands still is over, by the warehouse's clock.
    private func expire(_ scene: FaultScene) async throws {
        let leases = scene.shop.state("sync_leases")
        let now = scene.shop.kind == .sqlite ? "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')" : "clock_timestamp()"
        let isOver = try await eventually {
            try await scene.shop.query("SELECT 1 FROM \(leases) WHERE expires_at > \(now)").isEmpty
        }
        #expect(isOver)
    }

    /// Everything that is kept of runs and people.
    private func record(_ scene: FaultScene) async throws -> [[String?]] {
        var all: [[String?]] = []
        for (table, order) in [("sync_runs", "run_id"), ("sync_log", "record_id"), ("list_members", "email")] {
            all += try await scene.shop.query("SELECT * FROM \(scene.shop.state(table)) ORDER BY \(order)")
        }
        return all
    }
}
