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
            "requests_per_second: 1000, settle_seconds: 1, subscribers_per_request: 3, concurrent_requests: 2, "
            + "request_timeout_seconds: 8"
        try await FaultScene.with(kind, limits: limits) { scene in
            try await scene.putsRight()
            try await scene.leave(Set(1...12))
            try await scene.enter(Set(31...48))
            let fault = whileWaiting ? Fault(.status(429), retryAfterSeconds: 2) : Fault(.stall, seconds: 6)
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
            // Between its last look and the bytes on the wire it may have been stopped too: that request is noted.
            let late = scene.deliveries.dropFirst(sent).compactMap(\.rowCount).reduce(0, +)
            let notes = try await notes(scene).count
            #expect(late <= notes, "\(late) people were sent after waking, \(notes) are noted")
            #expect(try await record(scene) == runs, "the winner's record is as it was")
            try await scene.putsRight()
            #expect(try await self.notes(scene).isEmpty)
        }
    }

    struct Late: Sendable, CustomTestStringConvertible {
        var warehouse: Shop.Kind
        var project: FaultScene.Project
        var operation: String
        var testDescription: String { "\(warehouse), \(project), \(operation)" }
    }

    private static let late = [Shop.Kind.sqlite, .postgres].flatMap { warehouse in
        FaultScene.Project.allCases.flatMap { project in
            ["subscribe", "unsubscribe"].map { Late(warehouse: warehouse, project: project, operation: $0) }
        }
    }

    /// A request that is on its way when its process is stopped, and arrives when another process has done the opposite for
    /// the same people: the way in between stands for the moment between the last look and the wire, which no test can hit.
    @Test(arguments: late) func whatArrivesAfterTheTakeoverIsPutRight(_ item: Late) async throws {
        let limits =
            "requests_per_second: 1000, settle_seconds: 0, subscribers_per_request: 100, concurrent_requests: 1, "
            + "request_timeout_seconds: 6"
        try await FaultScene.with(item.warehouse, item.project, limits: limits) { scene in
            try await scene.putsRight()
            let people = item.operation == "subscribe" ? Set(31...33) : Set(1...3)
            func changeTheirMind(isLate: Bool) async throws {
                if (item.operation == "subscribe") != isLate {
                    try await scene.enter(people)
                } else {
                    try await scene.leave(people)
                }
            }
            try await changeTheirMind(isLate: false)
            let proxy = try FaultyProxy(to: #require(URL(string: scene.shop.sandbox.baseURL ?? "")?.port))
            defer { proxy.stop() }
            proxy.set(.keepBack("/api/lists/\(item.operation)"))
            try scene.configure {
                $0.limits = limits
                $0.baseURL = proxy.baseURL
            }
            let sleeper = try scene.shop.start("run", "members", "--json")
            #expect(try await eventually { sleeper.hasEnded || proxy.keepsAWholeRequest })
            try await stop(sleeper, scene)
            try scene.configure { $0.limits = limits }
            try await changeTheirMind(isLate: true)
            try await expire(scene)
            try await scene.putsRight()

            let sent = scene.deliveries.count
            proxy.letGo()
            #expect(try await eventually { scene.deliveries.count == sent + 1 })
            #expect(try await scene.members().count != scene.audience().count + FaultScene.foreign.count)
            sleeper.signal(SIGCONT)
            let end = try await sleeper.output()
            #expect(end.code == 1 && !end.endedBySignal, "\(end.all)")
            #expect(try await notes(scene) == people.sorted().map { [item.operation, scene.email($0)] })
            try await scene.putsRight()
            #expect(try await notes(scene).isEmpty)
        }
    }

    /// Operation and address of what was sent without a lease and noted.
    private func notes(_ scene: FaultScene) async throws -> [[String?]] {
        try await scene.shop.query(
            "SELECT operation, email FROM \(scene.shop.state("stray_requests")) ORDER BY email")
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
