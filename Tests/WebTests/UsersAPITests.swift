import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing

@testable import Web

/// The API of a sync of users.
@Suite struct UsersAPITests {
    /// The sync `vip` keeps the field `plan` of three people, of whom Iterable has forgotten one.
    private func with(_ body: (WebBench, SyncRun) async throws -> Void) async throws {
        try await WebBench.with(
            adjustSync: { sync in
                let plan = FieldSetting(name: "plan", source: .column("plan"))
                sync.target = .users(UserSettings(fields: .only([plan])))
            }
        ) { bench in
            try await bench.fixture.execute("ALTER TABLE people ADD COLUMN plan TEXT")
            try await bench.fixture.execute("UPDATE people SET plan = 'free'")
            bench.destination.refuse(["p2@example.com"])
            let run = try await bench.run()
            #expect(run.status == .completedWithFailures, "\(run)")
            try await body(bench, run)
        }
    }

    @Test func theRunObjectIsThatOfTheCommandLine() async throws {
        try await with { bench, run in
            try await bench.routes { client in
                let answer = try await client.get("/api/v1/runs/\(run.id)")
                #expect(answer.body == RunJSON(run).text)
                let object = try answer.json
                #expect(object["kind"] as? String == "users" && object["target"] as? String == "users")
                #expect(object["list_id"] is NSNull)
                let counts = try #require(object["counts"] as? [String: Any])
                #expect(counts["records"] as? Int == 3 && counts["audience"] == nil)
                let succeeded = counts["succeeded"] as? [String: Int]
                #expect(succeeded == ["update": 2, "rename": 0, "clear": 0, "delete": 0])
                #expect((counts["failed"] as? [String: Int])?["update"] == 1)
                let page = try await client.get("/api/v1/runs?sync=vip").items
                #expect(page.map { $0["kind"] as? String } == ["users"])
            }
        }
    }

    @Test func theSyncTellsHowManyPeopleItKeeps() async throws {
        try await with { bench, run in
            try await eventually { await bench.service.metrics().members["vip"] == 2 }
            try await bench.routes { client in
                let sync = try await client.get("/api/v1/syncs/vip").json
                #expect(sync["kind"] as? String == "users" && sync["list_id"] is NSNull)
                #expect(sync["members"] as? Int == 2)
                let statuses = await bench.service.statuses()
                #expect(statuses.map { SyncWords($0).hasTarget } == [false], "profiles have no name")
                #expect((sync["latest_run"] as? [String: Any])?["run_id"] as? String == run.id)
            }
        }
    }

    /// A label of a metric is one word, and stays.
    @Test func theMetricOfThoseWhoLeftKeepsItsLabel() async throws {
        try await with { bench, _ in
            let records = await bench.service.metrics().records
            #expect(Set(records.keys.map(\.outcome)).isSuperset(of: ["updated", "deleted"]), "\(records)")
            #expect(records.keys.allSatisfy { !$0.outcome.contains(" ") }, "\(records)")
        }
    }

    @Test func recordsHaveTheirKey() async throws {
        try await with { bench, run in
            try await bench.routes { client in
                let path = "/api/v1/runs/\(run.id)/records"
                let records = try await client.get(path).items
                #expect(records.count == 3)
                #expect(records.allSatisfy { $0["operation"] as? String == "update" && $0["item_id"] is NSNull })
                #expect(records.allSatisfy { $0["record_key"] as? String == $0["email"] as? String })
                let failed = try await client.get("\(path)?status=failed").items
                #expect(failed.map { $0["record_key"] as? String } == ["p2@example.com"])
                #expect(failed.first?["error_code"] as? String == "forgotten")
                let csv = try await client.get("\(path)?format=csv").body
                let lines = csv.components(separatedBy: "\r\n")
                #expect(lines.first?.hasSuffix(",logged_at,record_key,item_id,event_name,event_id") == true)
                #expect(
                    lines.contains {
                        $0.contains(",p1@example.com,,update,succeeded,") && $0.hasSuffix(",p1@example.com,,,")
                    })
            }
        }
    }

    @Test func whyTellsOnePersonsStory() async throws {
        try await with { bench, run in
            try await bench.fixture.execute("UPDATE people SET plan = 'pro' WHERE email = 'p1@example.com'")
            try await bench.routes { client in
                let answer = try await client.get("/api/v1/syncs/vip/why?identifier=P1%40Example.com")
                #expect(answer.status == 200 && answer.header("cache-control") == "no-store")
                let why = try answer.json
                #expect(Set(why.keys) == ["sync", "identifier", "in_source", "source", "snapshot", "next", "log"])
                #expect(why["in_source"] as? Bool == true && why["next"] as? String == "update p1@example.com")
                let entry = try #require((why["snapshot"] as? [[String: Any]])?.first)
                #expect(entry["record_key"] as? String == "p1@example.com" && entry["state"] as? String == "synced")
                #expect(entry["email"] as? String == "p1@example.com" && entry["since_run_id"] as? String == run.id)
                #expect((why["log"] as? [[String: Any]])?.map { $0["status"] as? String } == ["succeeded"])
                let refused = try await client.get("/api/v1/syncs/vip/why?identifier=p2@example.com").json
                #expect((refused["snapshot"] as? [[String: Any]])?.first?["state"] as? String == "rejected")
                #expect((refused["next"] as? String)?.contains("--retry-rejected") == true)
            }
        }
    }
}
