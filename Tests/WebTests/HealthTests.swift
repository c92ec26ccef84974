import Foundation
import RollcallCore
import SyncEngine
import Testing

@testable import Web

@Suite struct HealthTests {
    @Test func healthIsOpenToAll() async throws {
        try await WebBench.with { bench in
            try await bench.routes { client in
                let health = try await client.get("/healthz", token: nil)
                #expect(health.status == 200)
                #expect(try health.json["status"] as? String == "ok")
                let ready = try await client.get("/readyz", token: nil)
                #expect(ready.status == 200)
                #expect(try ready.json["status"] as? String == "ready")
                let answer1 = try await client.get("/metrics", token: nil)
                #expect(answer1.status == 401)
            }
        }
    }

    @Test func readinessSaysWhatIsWrong() throws {
        var health = ServiceHealth()
        #expect(!ProblemReport(health, patience: 60).isReady)
        #expect(ProblemReport(health, patience: 60).json(full: true).text.contains("not_running"))
        health.isRunning = true
        #expect(ProblemReport(health, patience: 60).isReady)
        health.schedulerLateness = 61
        #expect(!ProblemReport(health, patience: 60).isReady)
        health.schedulerLateness = 0
        let error = RunError(code: "warehouse_connection", message: "no route to db.internal")
        health.problems = [ServiceProblem(subject: .sync("vip"), error: error)]
        #expect(ProblemReport(health, patience: 60).isReady)
        #expect(ProblemReport(health, patience: 60).json(full: true).text.contains("\"degraded\""))
        health.problems = [ServiceProblem(subject: .warehouse("shop"), error: error)]
        let report = ProblemReport(health, patience: 60)
        #expect(!report.isReady)
        #expect(report.json(full: true).text.contains("db.internal"))
        #expect(!report.json(full: false).text.contains("db.internal"))
        #expect(report.json(full: false).text.contains("warehouse_connection"))
    }

    @Test func metricsAreInTheTextFormat() async throws {
        let name = "a\"b\\c\nd"
        try await WebBench.with(names: [name]) { bench in
            try await bench.run(name)
            try await eventually { await bench.service.metrics().members[name] == 3 }
            try await bench.routes { client in
                let answer = try await client.get("/metrics")
                #expect(answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8")
                let label = "sync=\"a\\\"b\\\\c\\nd\""
                #expect(answer.body.contains("rollcall_runs_total{\(label),status=\"succeeded\"} 1\n"))
                #expect(answer.body.contains("rollcall_members{\(label)} 3\n"))
                #expect(answer.body.contains("rollcall_records_total{\(label),outcome=\"subscribed\"} 3\n"))
                #expect(
                    answer.body.contains(
                        "rollcall_requests_total{destination=\"marketing\",operation=\"subscribe\",answer=\"ok\"} 1\n"))
                #expect(
                    answer.body.contains(
                        "rollcall_limiter_rate{destination=\"marketing\",operation=\"subscribe\",kind=\"configured\"} 1000\n"
                    ))
                #expect(!answer.body.contains("@example.com"))
                try Self.check(answer.body)
                let second = try await client.get("/metrics").body
                #expect(
                    second.contains(
                        "rollcall_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"200\"} 1\n"))
            }
        }
    }

    /// Every sample belongs to the family announced before it; no series is there twice.
    private static func check(_ text: String) throws {
        var family = ""
        var seen: Set<String> = []
        let sample = /([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?[0-9.e+-]+|NaN|[+-]Inf)/
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# TYPE ") {
                family = String(line.split(separator: " ")[2])
            } else if !line.hasPrefix("#") {
                let match = try #require(line.wholeMatch(of: sample), "\(line)")
                #expect(String(match.output.1) == family)
                #expect(seen.insert("\(match.output.1)\(match.output.2 ?? "")").inserted)
            }
        }
    }
}
