import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing

@testable import Web

/// The calls as RudderStack's clients make them.
@Suite struct TriggerTests {
    @Test func aSyncIsStartedAndWatched() async throws {
        try await WebBench.with { bench in
            bench.destination.hold()
            try await bench.routes { client in
                let started = try await client.post(
                    "/v2/retl-connections/vip/start", json: "{\"syncType\": \"full\"}")
                #expect(started.status == 200)
                #expect(try Array(started.json.keys) == ["syncId"])
                let id = try #require(try started.json["syncId"] as? String)
                let path = "/v2/retl-connections/vip/syncs/\(id)"
                let running = try await client.get(path).json
                #expect(running["id"] as? String == id)
                #expect(running["status"] as? String == "running")
                #expect(running["error"] is NSNull)
                bench.destination.letGo()
                let run = try await bench.ended(id)
                #expect(run.trigger == .api)
                let answer1 = try await client.get(path)
                #expect(try answer1.json["status"] as? String == "succeeded")
                let answer2 = try await client.get("/v2/retl-connections/other/syncs/\(id)")
                #expect(answer2.status == 404)
            }
        }
    }

    @Test func completedWithFailuresCountsAsSucceeded() async throws {
        try await WebBench.with { bench in
            bench.destination.refuse(["p1@example.com"])
            try await bench.routes { client in
                // Without a body, and without a type.
                let started = try await client.post("/v2/retl-connections/vip/start").json
                let id = try #require(started["syncId"] as? String)
                let ended1 = try await bench.ended(id)
                #expect(ended1.status == .completedWithFailures)
                let status = try await client.get("/v2/retl-connections/vip/syncs/\(id)").json
                #expect(status["status"] as? String == "succeeded")
                #expect(status["error"] is NSNull)
            }
        }
    }

    @Test func heldCountsAsFailedWithTheReason() async throws {
        try await WebBench.with(people: 0) { bench in
            try await bench.routes { client in
                let started = try await client.post("/v2/retl-connections/vip/start", json: "{}").json
                let id = try #require(started["syncId"] as? String)
                let ended2 = try await bench.ended(id)
                #expect(ended2.status == .held)
                let status = try await client.get("/v2/retl-connections/vip/syncs/\(id)").json
                #expect(status["status"] as? String == "failed")
                #expect((status["error"] as? String)?.contains("allow_empty") == true)
            }
        }
    }

    /// Each further trigger gets the held run, and with it the guard's reason, until somebody decides; then a new run.
    @Test(arguments: ["approve", "discard"]) func aHeldRunAnswersEachTrigger(_ decision: String) async throws {
        try await WebBench.with(people: 4) { bench in
            _ = try await bench.run()
            try await bench.fixture.execute("DELETE FROM people")
            let held = try await bench.run()
            #expect(held.status == .held)
            try await bench.routes { client in
                for kind in ["incremental", "full"] {
                    let started = try await client.post(
                        "/v2/retl-connections/vip/start", json: "{\"syncType\": \"\(kind)\"}")
                    #expect(started.status == 200)
                    #expect(try started.json["syncId"] as? String == held.id)
                    let status = try await client.get("/v2/retl-connections/vip/syncs/\(held.id)").json
                    #expect(status["status"] as? String == "failed")
                    #expect((status["error"] as? String)?.contains("allow_empty") == true)
                    #expect((status["error"] as? String)?.contains(held.id) == true)
                }
                // The API of our own still says that the run is in the way.
                let refused = try await client.post("/api/v1/syncs/vip/runs")
                #expect(refused.status == 409)
                #expect(try refused.json["run_id"] as? String == held.id)
                _ = try await client.post("/api/v1/runs/\(held.id)/\(decision)")
                _ = try await bench.ended(held.id)
                let next = try await client.post("/v2/retl-connections/vip/start").json
                let id = try #require(next["syncId"] as? String)
                #expect(id != held.id)
                _ = try await bench.ended(id)
            }
        }
    }

    @Test func everyStatusHasAWord() {
        var run = SyncRun(
            id: "x", sync: "s", destination: "d", trigger: .api, status: .queued,
            startedAt: Date(timeIntervalSince1970: 0))
        let expected: [RunStatus: String] = [
            .queued: "running", .running: "running", .succeeded: "succeeded", .completedWithFailures: "succeeded",
            .failed: "failed", .held: "failed", .cancelled: "failed", .skipped: "failed", .interrupted: "failed",
        ]
        for status in RunStatus.allCases {
            run.status = status
            let text = TriggerRoutes.status(run).text
            #expect(text.contains("\"status\":\"\(expected[status] ?? "?")\""))
            #expect(text.contains("\"error\":null") == (expected[status] != "failed"))
        }
    }

    @Test func badCallsAreRefused() async throws {
        try await WebBench.with { bench in
            try await bench.routes { client in
                let unknown = try await client.post("/v2/retl-connections/none/start", json: "{\"syncType\":\"full\"}")
                #expect(unknown.status == 404)
                let kind = try await client.post("/v2/retl-connections/vip/start", json: "{\"syncType\":\"all\"}")
                #expect(kind.status == 400)
                let reader = try await client.post("/v2/retl-connections/vip/start", token: WebBench.readToken)
                #expect(reader.status == 403)
                let answer5 = try await client.get("/v2/retl-connections/vip/syncs/none")
                #expect(answer5.status == 404)
            }
        }
    }
}
