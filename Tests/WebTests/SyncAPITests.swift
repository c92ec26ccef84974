import Foundation
import HTTPTypes
import RollcallCore
import SyncEngine
import Testing

@testable import Web

@Suite struct SyncAPITests {
    @Test func syncsAtAGlance() async throws {
        try await WebBench.with(
            names: ["vip", "news letter/ü"],
            adjustSync: { sync in
                if sync.name == "vip" { sync.schedule = ScheduleSettings(every: .day, at: 6 * 3600) }
            }
        ) { bench in
            let run = try await bench.run()
            try await bench.routes { client in
                let items = try await client.get("/api/v1/syncs").items
                #expect(items.map { $0["sync"] as? String } == ["vip", "news letter/ü"])
                #expect(items[0]["state"] as? String == "scheduled")
                #expect(items[1]["state"] as? String == "manual")
                #expect((items[0]["schedule"] as? [String: String]) == ["every": "24h", "at": "06:00"])
                let odd = try await client.get("/api/v1/syncs/news%20letter%2F%C3%BC")
                #expect(try odd.json["sync"] as? String == "news letter/ü")
                let one = try await client.get("/api/v1/syncs/vip").json
                #expect((one["latest_run"] as? [String: Any])?["run_id"] as? String == run.id)
                #expect(one["list_id"] as? Int == 7)
                #expect(one["next_due_at"] is String)
            }
            try await eventually { await bench.service.metrics().members["vip"] == 3 }
            try await bench.routes { client in
                let counted = try await client.get("/api/v1/syncs/vip").json
                #expect(counted["members"] as? Int == 3)
            }
        }
    }

    @Test func aRunIsStartedAndASecondOneRefused() async throws {
        try await WebBench.with { bench in
            bench.destination.hold()
            try await bench.routes { client in
                let first = try await client.post("/api/v1/syncs/vip/runs", json: "{\"full\":false}")
                #expect(first.status == 202)
                let id = try #require(try first.json["run_id"] as? String)
                #expect(first.header("location") == "/api/v1/runs/\(id)")
                #expect(try first.json["status"] as? String == "running")
                #expect(try first.json["trigger"] as? String == "api")

                let second = try await client.post("/api/v1/syncs/vip/runs")
                #expect(second.status == 409)
                #expect(second.header("content-type") == "application/problem+json")
                #expect(try second.json["code"] as? String == "busy")
                #expect(try second.json["run_id"] as? String == id)
                let live = try await client.get("/api/v1/syncs/vip").json
                #expect(live["state"] as? String == "running")
                #expect((live["live"] as? [String: Any])?["run_id"] as? String == id)

                bench.destination.letGo()
                let ended1 = try await bench.ended(id)
                #expect(ended1.status == .succeeded)
                let answer2 = try await client.get("/api/v1/runs/\(id)")
                #expect(try answer2.json["status"] as? String == "succeeded")
            }
        }
    }

    @Test(arguments: [
        ("{\"fulll\":true}", "application/json", 400, "unknown_field"),
        ("{\"full\":1}", "application/json", 400, "bad_field"),
        ("{\"full\":\"true\"}", "application/json", 400, "bad_field"),
        ("{\"full\":null}", "application/json", 400, "bad_field"), ("[]", "application/json", 400, "bad_body"),
        ("true", "application/json", 400, "bad_body"), ("{", "application/json", 400, "bad_json"),
        ("{}", "text/plain", 415, "media_type"), ("{}", "application/x-www-form-urlencoded", 415, "media_type"),
    ])
    func badBodiesStartNothing(body: String, type: String, status: Int, code: String) async throws {
        try await WebBench.with { bench in
            try await bench.routes { client in
                let answer = try await client.post("/api/v1/syncs/vip/runs", json: body, ["content-type": type])
                #expect(answer.status == status)
                #expect(try answer.json["code"] as? String == code)
                let answer3 = try await client.get("/api/v1/runs")
                #expect(try answer3.items.isEmpty)
            }
        }
    }

    @Test func bodiesHaveALimit() async throws {
        try await WebBench.with(adjust: { $0.bodyBytes = 100 }) { bench in
            try await bench.routes { client in
                let padding = String(repeating: " ", count: 200)
                let answer = try await client.post("/api/v1/syncs/vip/runs", json: "{\(padding)}")
                #expect(answer.status == 413)
                #expect(try answer.json["code"] as? String == "body_too_large")
                let packed = try await client.post(
                    "/api/v1/syncs/vip/runs", json: "{}", ["content-encoding": "gzip"])
                #expect(packed.status == 415)
                let address = "/api/v1/runs?sync=" + String(repeating: "x", count: 9000)
                let answer4 = try await client.get(address)
                #expect(answer4.status == 414)
            }
        }
    }

    @Test func unknownThingsAreProblems() async throws {
        try await WebBench.with { bench in
            try await bench.routes { client in
                let cases: [(String, Int, String)] = [
                    ("/api/v1/syncs/none", 404, "sync_unknown"), ("/api/v1/nothing", 404, "not_found"),
                    ("/api/v1/runs/abc", 404, "run_unknown"),
                    ("/api/v1/runs/0198c5f0-0000-7000-8000-000000000000", 404, "run_unknown"),
                    ("/api/v1/runs/0198c5f0-0000-7000-8000-000000000000/records", 404, "run_unknown"),
                    ("/api/v1/runs?status=done", 400, "bad_parameter"), ("/api/v1/runs?limit=0", 400, "bad_parameter"),
                    ("/api/v1/runs?limit=501", 400, "bad_parameter"), ("/api/v1/runs?cursor=x", 400, "bad_parameter"),
                    ("/api/v1/runs?since=yesterday", 400, "bad_parameter"),
                    ("/api/v1/runs?sinc=1d", 400, "unknown_parameter"),
                    ("/api/v1/runs?sync=none", 404, "sync_unknown"),
                    ("/api/v1/syncs/vip/ticks?cursor=x", 400, "bad_parameter"),
                    ("/api/v1/syncs/vip/why", 400, "bad_parameter"),
                ]
                for (path, status, code) in cases {
                    let answer = try await client.get(path)
                    #expect(answer.status == status, "\(path)")
                    #expect(try answer.json["code"] as? String == code, "\(path)")
                    #expect(try answer.json["status"] as? Int == status)
                    #expect(answer.header("content-type") == "application/problem+json")
                }
                let wrongMethod = try await client.call(.delete, "/api/v1/syncs/vip", token: WebBench.readToken)
                #expect(wrongMethod.status == 405)
                #expect(wrongMethod.header("allow") == "GET, HEAD")
                let head = try await client.call(.head, "/api/v1/syncs", token: WebBench.readToken)
                #expect(head.status == 200)
                #expect(head.body.isEmpty)
            }
        }
    }

    @Test func hintsNameWhatThereIs() async throws {
        try await WebBench.with(names: ["vip", "newsletter"]) { bench in
            try await bench.routes { client in
                func hint(_ path: String) async throws -> String? {
                    try await client.get(path).json["hint"] as? String
                }
                let near = try await hint("/api/v1/syncs/newsleter")
                #expect(near == "Did you mean \"newsletter\"?")
                let far = try await hint("/api/v1/runs?sync=something-else")
                #expect(far == "There are vip, newsletter.")
                let parameter = try await hint("/api/v1/syncs/vip?x=1")
                let body = try await client.post("/api/v1/syncs/vip/pause", json: "{\"x\":true}")
                #expect(body.status == 400)
                #expect(try body.json["hint"] as? String == "None is known here." && parameter == "None is known here.")
                let why = try await client.get("/api/v1/syncs/vip/why").json["detail"] as? String
                #expect(why == "The parameter identifier must be an email or a userId.")
                let unknown = try await client.get("/api/v1/syncs/none/why")
                #expect(unknown.status == 404)
            }
        }
    }

    @Test func pausingStopsTicksOnly() async throws {
        try await WebBench.with(adjustSync: { $0.schedule = ScheduleSettings(every: .day) }) { bench in
            try await bench.routes { client in
                let paused = try await client.post("/api/v1/syncs/vip/pause").json
                #expect(paused["paused"] as? Bool == true)
                #expect(paused["state"] as? String == "paused")
                #expect(paused["next_due_at"] is NSNull)
                let answer5 = try await client.post("/api/v1/syncs/vip/runs")
                #expect(answer5.status == 202)
                let resumed = try await client.post("/api/v1/syncs/vip/resume").json
                #expect(resumed["paused"] as? Bool == false)
                let answer6 = try await client.post("/api/v1/syncs/none/pause")
                #expect(answer6.status == 404)
                let answer7 = try await client.get("/api/v1/syncs/vip/ticks")
                #expect(answer7.status == 200)
            }
        }
    }

    @Test func whyTellsOnePersonsStory() async throws {
        try await WebBench.with { bench in
            let run = try await bench.run()
            try await bench.routes { client in
                let answer = try await client.get("/api/v1/syncs/vip/why?identifier=P1%40Example.com")
                #expect(answer.status == 200)
                #expect(answer.header("cache-control") == "no-store")
                #expect(try answer.json["in_audience"] as? Bool == true)
                let members = try #require(try answer.json["snapshot"] as? [[String: Any]])
                #expect(members.first?["email"] as? String == "p1@example.com")
                #expect(members.first?["since_run_id"] as? String == run.id)
                let log = try #require(try answer.json["log"] as? [[String: Any]])
                #expect(log.first?["status"] as? String == "succeeded")
            }
        }
    }
}
