import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing

@testable import Web

@Suite struct RunAPITests {
    @Test func runsComeInPages() async throws {
        try await WebBench.with(names: ["vip", "news"]) { bench in
            var ids: [String] = []
            for _ in 1...3 { ids.append(try await bench.run("vip").id) }
            ids.append(try await bench.run("news").id)
            let expected = Array(ids.reversed())
            try await bench.routes { client in
                var seen: [String] = []
                var cursor: String?
                repeat {
                    let next = cursor.map { "&cursor=\($0)" } ?? ""
                    let page = try await client.get("/api/v1/runs?limit=2\(next)")
                    seen += try page.items.compactMap { $0["run_id"] as? String }
                    cursor = try page.json["next"] as? String
                } while cursor != nil
                #expect(seen == expected)
                let answer1 = try await client.get("/api/v1/runs?sync=news")
                #expect(try answer1.items.count == 1)
                let answer2 = try await client.get("/api/v1/runs?status=failed")
                #expect(try answer2.items.isEmpty)
                let answer3 = try await client.get("/api/v1/runs?status=succeeded&since=1h")
                #expect(try answer3.items.count == 4)
                let answer4 = try await client.get("/api/v1/runs?since=2099-01-01")
                #expect(try answer4.items.isEmpty)
                let answer5 = try await client.get("/api/v1/runs?since=2099-01-01T00:00:00Z")
                #expect(try answer5.items.isEmpty)
            }
        }
    }

    @Test func theRunObjectIsThatOfTheCommandLine() async throws {
        try await WebBench.with { bench in
            let run = try await bench.run()
            try await bench.routes { client in
                let body = try await client.get("/api/v1/runs/\(run.id)").body
                #expect(body == RunJSON(run).text)
            }
        }
    }

    @Test func recordsHaveFiltersPagesAndCSV() async throws {
        try await WebBench.with(people: 5) { bench in
            try await bench.fixture.execute("INSERT INTO people VALUES ('=1+1@nowhere'), ('a\"b,c')")
            bench.destination.refuse(["p2@example.com"])
            let run = try await bench.run()
            #expect(run.status == .completedWithFailures)
            try await bench.routes { client in
                let path = "/api/v1/runs/\(run.id)/records"
                let failed = try await client.get("\(path)?status=failed").items
                #expect(failed.count == 3)
                #expect(failed.contains { $0["error_code"] as? String == "forgotten" })

                var seen: [String] = []
                var cursor: String?
                repeat {
                    let next = cursor.map { "&cursor=\($0)" } ?? ""
                    let page = try await client.get("\(path)?limit=3\(next)")
                    seen += try page.items.compactMap { $0["record_id"] as? String }
                    cursor = try page.json["next"] as? String
                } while cursor != nil
                #expect(seen.count == 7)
                #expect(Set(seen).count == 7)

                let csv = try await client.get("\(path)?format=csv")
                #expect(csv.header("content-type") == "text/csv; charset=utf-8")
                #expect(csv.header("content-disposition")?.hasPrefix("attachment") == true)
                let lines = csv.body.split(separator: "\r\n")
                #expect(lines.count == 8)
                #expect(lines[0].hasPrefix("run_id,sync_name,email,user_id,operation,status,error_code"))
                #expect(csv.body.contains(",'=1+1@nowhere,"))
                #expect(csv.body.contains(",\"a\"\"b,c\","))
                let asked = try await client.get("\(path)?status=failed", ["accept": "text/csv"])
                #expect(asked.body.split(separator: "\r\n").count == 4)
                let answer6 = try await client.get("\(path)?status=bad")
                #expect(answer6.status == 400)
                let answer7 = try await client.get("\(path)?format=xml")
                #expect(answer7.status == 400)
            }
        }
    }

    @Test func manyRecordsAreDownloadedPageByPage() async throws {
        try await WebBench.with(people: 2500) { bench in
            let run = try await bench.run()
            try await bench.routes { client in
                let csv = try await client.get("/api/v1/runs/\(run.id)/records?format=csv").body
                let people = Set(csv.split(separator: "\r\n").dropFirst().map { $0.split(separator: ",")[2] })
                #expect(people.count == 2500)
            }
        }
    }

    @Test func aRunningRunIsCancelled() async throws {
        try await WebBench.with(people: 3000) { bench in
            bench.destination.hold()
            try await bench.routes { client in
                let id = try #require(try await client.post("/api/v1/syncs/vip/runs").json["run_id"] as? String)
                try await eventually { bench.destination.deliveries > 0 }
                let answer8 = try await client.post("/api/v1/runs/\(id)/cancel")
                #expect(answer8.status == 202)
                bench.destination.letGo()
                let run = try await bench.ended(id)
                #expect([.cancelled, .succeeded].contains(run.status))
                let again = try await client.post("/api/v1/runs/\(id)/cancel")
                #expect(again.status == 409)
                #expect(try again.json["code"] as? String == "run_not_running")
            }
        }
    }

    @Test func aHeldRunIsApprovedOrDiscarded() async throws {
        try await WebBench.with(people: 5, adjustSync: { $0.guards.maxRemovals = .count(1) }) { bench in
            try await bench.run()
            try await bench.fixture.execute("DELETE FROM people WHERE email <> 'p1@example.com'")
            try await bench.routes { client in
                let first = try #require(try await client.post("/api/v1/syncs/vip/runs").json["run_id"] as? String)
                let ended1 = try await bench.ended(first)
                #expect(ended1.status == .held)
                let held = try await client.get("/api/v1/runs/\(first)").json
                #expect((held["held"] as? [[String: String]])?.first?["guard"] == "max_removals")
                let answer10 = try await client.get("/api/v1/syncs/vip")
                #expect(try answer10.json["state"] as? String == "held")

                let refused = try await client.post("/api/v1/syncs/vip/runs")
                #expect(refused.status == 409)
                #expect(try refused.json["run_id"] as? String == first)
                let answer11 = try await client.post("/api/v1/runs/\(first)/cancel")
                #expect(answer11.status == 409)

                let discarded = try await client.post("/api/v1/runs/\(first)/discard")
                #expect(discarded.status == 200)
                #expect(try discarded.json["status"] as? String == "cancelled")
                for act in ["discard", "approve"] {
                    let late = try await client.post("/api/v1/runs/\(first)/\(act)")
                    #expect(late.status == 409)
                    #expect(try late.json["code"] as? String == "run_not_held")
                }

                let second = try #require(try await client.post("/api/v1/syncs/vip/runs").json["run_id"] as? String)
                let ended2 = try await bench.ended(second)
                #expect(ended2.status == .held)
                let approved = try await client.post("/api/v1/runs/\(second)/approve")
                #expect(approved.status == 202)
                #expect(try approved.json["run_id"] as? String == second)
                let run = try await bench.ended(second)
                #expect(run.status == .succeeded)
                #expect(run.counts.succeeded.unsubscribe == 4)
            }
        }
    }
}
