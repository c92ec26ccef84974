import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing

@testable import Web

/// The real stream of a sync, through API and pages.
@Suite(.timeLimit(.minutes(10))) struct LiveStreamTests {
    @Test func aStreamIsSeenPausedAndResumed() async throws {
        try await WebBench.with(
            tokens: nil, people: 3,
            adjustSync: { sync in
                sync.audience = .query("SELECT email, rowid AS seq FROM people", file: nil)
                var events = EventSettings(key: ["email"], name: .constant("visited"), namespace: "vip")
                events.start = .all
                events.cursor = EventSettings.Cursor(column: "seq")
                sync.target = .events(events)
                sync.stream = StreamSettings()
                sync.stream?.pollSeconds = 1
            }
        ) { bench in
            try await bench.routes { client in
                func sync() async throws -> [String: Any] {
                    let answer = try await client.get("/api/v1/syncs/vip", token: nil)
                    let wrong = try Schema.violations(of: "Sync", in: answer.body)
                    #expect(wrong.isEmpty, "\(wrong)")
                    return try answer.json
                }
                func state() async throws -> String? { try await sync()["state"] as? String }
                func phase() async throws -> String? {
                    (try await sync()["stream"] as? [String: Any])?["phase"] as? String
                }
                try await eventually {
                    let stream = try await sync()["stream"] as? [String: Any]
                    return stream?["records"] as? Int == 3 && stream?["phase"] as? String == "following"
                }
                let streaming = try await state()
                #expect(streaming == "streaming")
                #expect(bench.destination.deliveries == 1)
                let metrics = try await client.get("/metrics", token: nil).body
                #expect(metrics.contains("rollcall_stream_records_total{sync=\"vip\"} 3\n"))
                #expect(metrics.contains("rollcall_stream_backlog_records{sync=\"vip\"} 0\n"))

                let overview = try await client.get("/", token: nil).body
                #expect(try StreamScene.fact("Stream", in: overview)?.hasPrefix("following, lag ") == true)
                #expect(overview.contains("data-every=\"5\""))
                let page = try await client.get("/syncs/vip", token: nil).body
                #expect(page.contains("<p>It follows the source;") && page.contains("The run of this hour"))
                #expect(page.contains("data-every=\"5\""))
                let token = String(try #require(page.firstMatch(of: /name="token" value="([0-9a-f]{64})"/)).output.1)

                let busy = try await client.post("/api/v1/syncs/vip/runs", token: nil)
                #expect(busy.status == 409)
                let pause = try await client.form("/syncs/vip/pause", ["token": token])
                #expect(pause.status == 303)
                try await eventually { try await phase() == "paused" }
                let resting = try await state()
                #expect(resting == "paused")
                let paused = try await client.get("/syncs/vip", token: nil).body
                #expect(paused.contains("<p>It is paused,") && paused.contains("Resume the stream"))
                try await bench.addPeople(2, prefix: "q")
                _ = try await client.form("/syncs/vip/resume", ["token": token])
                try await eventually {
                    (try await sync()["stream"] as? [String: Any])?["records"] as? Int == 5
                }
            }
        }
    }

    @Test func pagesWithoutStreamsAreMadeAgainAsBefore() async throws {
        try await WebBench.with(tokens: nil) { bench in
            try await bench.routes { client in
                for path in ["/", "/syncs/vip"] {
                    let page = try await client.get(path, token: nil).body
                    #expect(page.contains("data-live=\"1\"") && !page.contains("data-every"), "\(path)")
                }
            }
        }
    }
}
