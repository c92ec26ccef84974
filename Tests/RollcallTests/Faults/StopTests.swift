import Foundation
import IterableSandbox
import Testing

/// Ctrl-C and SIGTERM: what is under way is finished and written down, nothing more is sent, the next run carries on.
@Suite(.timeLimit(.minutes(10))) struct StopTests {
    /// What the run is doing when it is told to stop.
    enum Moment: String, Sendable, CaseIterable {
        case lookingForTheList
        case readingTheAudience
        case sending
        case waitingForTheRateLimit
        case waitingToTryAgain
        case waitingForALostRequest
    }

    @Test(arguments: Moment.allCases, [Shop.Kind.sqlite, .postgres])
    func aStopIsGraceful(_ moment: Moment, _ kind: Shop.Kind) async throws {
        try await FaultScene.with(kind, limits: limits(moment)) { scene in
            try await prepare(scene, moment)
            let program = try scene.shop.start("run", "members", "--json")
            try await reach(moment, scene, program)
            let before = scene.deliveries.count
            program.signal(kind == .sqlite ? SIGTERM : SIGINT)
            let end = try await program.output()
            #expect(end.code == 130 && !end.endedBySignal, "\(end.all)")
            #expect(end.err.contains("stopping"))
            // Those under way when the signal came are answered; none begins after it.
            #expect(scene.deliveries.count <= before + 4)
            let run = try #require(try await scene.runs().last)
            #expect(run.status == "interrupted" && run.errorCode == nil)
            try await scene.isBalanced()
            try await carriesOn(scene, moment, run)
        }
    }

    private func limits(_ moment: Moment) -> String {
        let rate = moment == .waitingForTheRateLimit ? "requests_per_second: 2" : "requests_per_second: 1000"
        let settle = moment == .waitingForALostRequest ? 3 : 0
        return rate + ", settle_seconds: \(settle), subscribers_per_request: 3, concurrent_requests: 2, "
            + "request_timeout_seconds: 5"
    }

    private func prepare(_ scene: FaultScene, _ moment: Moment) async throws {
        switch moment {
        case .lookingForTheList:
            scene.shop.sandbox.setFaults([
                Fault(.stall, trigger: .nth(1), target: .pathPrefix("/api/lists"), seconds: 2)
            ])
        case .readingTheAudience:
            // So many rows that reading them takes seconds; all but the first are one person.
            try scene.configure {
                $0.limits = limits(moment)
                $0.audience =
                    "query: \"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 80000000) "
                    + "SELECT 'user1@example.com' AS email FROM c\""
            }
        case .sending:
            scene.shop.sandbox.setFaults([Fault(.stall, seconds: 1)])
        case .waitingForTheRateLimit: break
        case .waitingToTryAgain:
            scene.shop.sandbox.setFaults([Fault(.status(503), retryAfterSeconds: 30)])
        case .waitingForALostRequest:
            // Three of those whose request is lost with the process leave at once.
            scene.shop.sandbox.setFaults([Fault(.stall, seconds: 0.5, applies: false)])
            let lost = try scene.shop.start("run", "members")
            let claimed = "SELECT 1 FROM \(scene.shop.state("sync_runs")) WHERE claimed_through > 0"
            _ = try await eventually {
                if lost.hasEnded { return true }
                return ((try? await scene.shop.query(claimed)) ?? []).isEmpty == false
            }
            lost.signal(SIGKILL)
            _ = try await lost.output()
            scene.shop.sandbox.setFaults([])
            try await scene.leave(Set(1...29))
        }
    }

    private func reach(_ moment: Moment, _ scene: FaultScene, _ program: RunningProgram) async throws {
        let before = scene.shop.sandbox.counts.requests
        let condition =
            switch moment {
            case .lookingForTheList: "1 = 1"
            case .waitingForALostRequest: "planned_unsubscribe > 0"
            default: ""
            }
        if condition.isEmpty {
            let requests = moment == .readingTheAudience ? 1 : moment == .waitingToTryAgain ? 3 : 4
            try await scene.reached(requests, since: before, program)
            return
        }
        let question =
            "SELECT count(*) FROM \(scene.shop.state("sync_runs")) WHERE status = 'running' AND \(condition)"
        let come = try await eventually {
            if program.hasEnded { return true }
            return ((try? await scene.shop.query(question)) ?? []) == [["1"]]
        }
        #expect(come)
    }

    /// The next run sends what is left, and only that.
    private func carriesOn(_ scene: FaultScene, _ moment: Moment, _ stopped: RunRow) async throws {
        scene.shop.sandbox.setFaults([])
        try scene.configure { $0.limits = limits(.sending) }
        if moment == .waitingForTheRateLimit || moment == .sending {
            #expect(stopped.notAttempted > 0 && stopped.notAttempted < stopped.planned)
            #expect(stopped.unknown == 0)
        }
        let acknowledged = try await scene.logged(stopped.id, "succeeded")
        #expect(acknowledged.count == stopped.planned - stopped.notAttempted - stopped.unknown)
        // What a killed process left under way is recorded before the counting begins.
        #expect(try await eventually { scene.shop.sandbox.counts.requestsInFlight == 0 })
        let before = scene.deliveries.count
        let next = try await scene.shop.rollcall("run", "members", "--json")
        #expect(next.code == 0, "\(next.all)")
        let run = try #require(try await scene.runs().last)
        let sent = try await scene.logged(run.id, "succeeded")
        #expect(sent.isDisjoint(with: acknowledged))
        let rows = scene.deliveries.dropFirst(before).compactMap(\.rowCount).reduce(0, +)
        let requests = try #require(try next.object()["requests"] as? [String: Int])
        #expect(sent.count == run.planned)
        #expect(rows == run.planned || requests["retried"] != 0)
        try await scene.putsRight()
    }

    @Test func aSlowQueryIsBrokenOff() async throws {
        try await FaultScene.with(.postgres) { scene in
            try scene.configure { $0.audience = "query: \"SELECT email FROM people, pg_sleep(3600)\"" }
            let program = try scene.shop.start("run", "members")
            let sleeping =
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
            #expect(try await eventually { try await !scene.shop.query(sleeping).isEmpty })
            program.signal(SIGTERM)
            let end = try await program.output()
            #expect(end.code == 130 && !end.endedBySignal, "\(end.all)")
            #expect(try await scene.runs().map(\.status) == ["interrupted"])
            #expect(try await eventually { try await scene.shop.query(sleeping).isEmpty })
            try scene.configure()
            try await scene.putsRight()
        }
    }

    @Test(arguments: [SIGTERM, SIGINT]) func aSecondSignalGivesUpWhatIsUnderWay(_ signal: Int32) async throws {
        let limits =
            "requests_per_second: 1000, settle_seconds: 0, subscribers_per_request: 3, concurrent_requests: 2, "
            + "request_timeout_seconds: 40"
        try await FaultScene.with(.sqlite, limits: limits) { scene in
            // Answers that come after more than half a minute.
            scene.shop.sandbox.setFaults([
                Fault(.stall, trigger: .nth(3), seconds: 35), Fault(.stall, trigger: .nth(4), seconds: 35),
            ])
            let program = try scene.shop.start("run", "members")
            let done = "SELECT 1 FROM \(scene.shop.state("sync_log"))"
            _ = try await eventually { ((try? await scene.shop.query(done)) ?? []).count >= 6 }
            #expect(try await eventually { scene.shop.sandbox.counts.requestsInFlight == 2 })
            program.signal(signal)
            #expect(try await eventually { program.errorsSoFar.contains("once more") })
            program.signal(signal)
            let end = try await program.output()
            #expect(end.code == 130 && !end.endedBySignal, "\(end.all)")
            let run = try #require(try await scene.runs().last)
            #expect(run.status == "interrupted")
            #expect(run.unknown > 0 && run.unknown <= 6, "their answers were not waited for")
            try await scene.isBalanced()
            scene.shop.sandbox.setFaults([])
            try await scene.putsRight()
        }
    }

    /// A reader that went away is no reason to leave people in between.
    @Test func aClosedPipeDoesNoHarm() async throws {
        try await FaultScene.with(.sqlite) { scene in
            let line = "set -o pipefail; \"$0\" run members --verbose 2>&1 | true"
            let shell = try RunningProgram(
                URL(fileURLWithPath: "/bin/bash"), ["-c", line, try Program.url().path], in: scene.shop.folder,
                environment: scene.shop.environment)
            let end = try await shell.output()
            #expect(end.code == 0 && !end.endedBySignal, "\(end.all)")
            #expect(try await scene.runs().map(\.status) == ["succeeded"])
            try await scene.isRight()
        }
    }
}
