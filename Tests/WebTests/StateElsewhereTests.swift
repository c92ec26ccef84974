import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

@testable import Web

/// Syncs whose state is in another warehouse than the configuration has it in: answers and pages say so where their history would be.
@Suite struct StateElsewhereTests {
    /// Every place that would show the history of `vip`.
    private func isNamed(_ place: String, in client: RouteClient) async throws {
        // It is looked for in the background.
        try await eventually { try await !(client.get("/api/v1/syncs/vip", token: nil).json["problem"] is NSNull) }
        let sync = try await client.get("/api/v1/syncs/vip", token: nil)
        #expect(sync.status == 200)
        #expect(try Schema.violations(of: "Sync", in: sync.body).isEmpty, "\(sync.body)")
        #expect(try sync.json["state"] as? String == "failing")
        #expect(try sync.json["latest_run"] is NSNull && sync.json["members"] is NSNull, "\(sync.body)")
        let problem = try #require(try sync.json["problem"] as? [String: Any])
        #expect(problem["code"] as? String == "state_elsewhere")
        let message = try #require(problem["message"] as? String)
        #expect(message.contains("in the warehouse \(place)") && message.contains("has it in shop"), "\(message)")
        let hint = try #require(problem["hint"] as? String)
        #expect(hint.contains("rollcall move-state shop --from \(place)"), "\(hint)")

        for path in ["runs?sync=vip", "syncs/vip/ticks", "syncs/vip/why?identifier=p1@example.com"] {
            let answer = try await client.get("/api/v1/" + path, token: nil)
            #expect(answer.status == 409, "\(path): \(answer.body)")
            #expect(try Schema.violations(of: "Problem", in: answer.body).isEmpty, "\(path): \(answer.body)")
            #expect(try answer.json["code"] as? String == "state_elsewhere", "\(path)")
            #expect(try answer.json["detail"] as? String == message, "\(path)")
            #expect(try answer.json["hint"] as? String == hint, "\(path)")
        }
        let started = try await client.post("/api/v1/syncs/vip/runs", token: nil)
        #expect(try started.status == 409 && started.json["code"] as? String == "state_elsewhere", "\(started.body)")

        let runs = try await client.get("/api/v1/runs", token: nil)
        #expect(try Schema.violations(of: "RunPage", in: runs.body).isEmpty, "\(runs.body)")
        #expect(try !runs.items.contains { $0["sync"] as? String == "vip" })
        let missing = try #require(try runs.json["state_elsewhere"] as? [[String: Any]])
        #expect(missing.map { $0["sync"] as? String } == ["vip"])

        let overview = try await client.get("/", token: nil)
        #expect(overview.body.contains(message), "\(overview.body)")
        let page = try await client.get("/syncs/vip", token: nil)
        #expect(page.status == 200)
        #expect(page.body.contains(message), "\(page.body)")
        let command = ["rollcall", "move-state", "shop", "--from", place].map { "<span>\($0)</span>" }
        #expect(page.body.contains("<code>\(command.joined(separator: " "))</code>"), "\(page.body)")
        #expect(!page.body.contains("`") && !page.body.contains("/syncs/vip/why"), "\(page.body)")
        #expect(!page.body.contains("not made yet"), "\(page.body)")
        let cards = overview.body.components(separatedBy: "<article").dropFirst()
        let card = try #require(cards.first { $0.contains(message) })
        #expect(!card.contains("not made yet"), "\(card)")
        #expect(page.body.contains("They cannot be shown") && !page.body.contains("None yet."), "\(page.body)")
        #expect(!page.body.contains("id=\"run\""), "no run can begin")
    }

    @Test func theMarkOfAMovedStateIsNamed() async throws {
        try await WebBench.with(tokens: nil, names: ["vip", "news"]) { bench in
            let left = try await bench.run()
            let other = try await bench.run("news")
            try await bench.fixture.execute(
                """
                UPDATE rollcall_sync_leases SET expires_at = '9999-12-31T23:59:59.999Z', elsewhere = 'archive',
                       elsewhere_id = '11111111-2222-4333-8444-555555555555' WHERE sync_name = 'vip'
                """)
            try await bench.routes { client in
                try await isNamed("archive", in: client)
                let runs = try await client.get("/api/v1/runs", token: nil)
                #expect(try runs.items.map { $0["run_id"] as? String } == [other.id])
                let run = try await client.get("/api/v1/runs/\(left.id)", token: nil)
                #expect(try run.status == 404 && run.json["code"] as? String == "run_unknown")
                #expect(try (run.json["hint"] as? String)?.contains("rollcall move-state shop") == true, "\(run.body)")
                let news = try await client.get("/api/v1/syncs/news", token: nil)
                #expect(try news.json["problem"] is NSNull && news.json["state"] as? String == "manual")
            }
        }
    }

    @Test func aStateThatWasNeverMovedHereIsFoundAndNamed() async throws {
        try await WebBench.with(tokens: nil) { archive in
            try await archive.run()
            let path = archive.fixture.path
            try await WebBench.with(
                tokens: nil, names: ["vip", "news"],
                adjustSetup: { setup in
                    setup.search = { _ in
                        StateSearch(home: "shop") {
                            [StateHome(name: "archive", warehouse: SQLiteWarehouse(path: path))]
                        }
                    }
                }
            ) { bench in
                try await bench.routes { client in
                    try await isNamed("archive", in: client)
                    // A new sync of which no warehouse knows anything has an empty history.
                    let news = try await client.get("/api/v1/runs?sync=news", token: nil)
                    #expect(try news.status == 200 && news.items.isEmpty, "\(news.body)")
                    let page = try await client.get("/syncs/news", token: nil)
                    #expect(page.body.contains("None yet."), "\(page.body)")
                }
                #expect(bench.destination.deliveries == 0)
            }
        }
    }

    /// The page of a sync waits for the look, and says what it has found.
    @Test func aStateThatMayBeInAWarehouseThatIsAwayIsNoEmptyHistory() async throws {
        try await WebBench.with(
            tokens: nil,
            adjustSetup: { setup in
                setup.search = { _ in
                    StateSearch(home: "shop") {
                        [StateHome(name: "archive", warehouse: SQLiteWarehouse(path: "/dev/null/archive.sqlite"))]
                    }
                }
            }
        ) { bench in
            try await bench.routes { client in
                let page = try await client.get("/syncs/vip", token: nil)
                #expect(page.status == 200 && page.body.contains("has no state in shop yet"), "\(page.body)")
                #expect(page.body.contains("They cannot be shown") && !page.body.contains("None yet."), "\(page.body)")
                for path in ["runs?sync=vip", "syncs/vip/ticks"] {
                    let answer = try await client.get("/api/v1/" + path, token: nil)
                    #expect(answer.status == 503, "\(path): \(answer.body)")
                    #expect(try Schema.violations(of: "Problem", in: answer.body).isEmpty, "\(path): \(answer.body)")
                    #expect(try answer.json["code"] as? String == "state_unknown", "\(path)")
                }
                let sync = try await client.get("/api/v1/syncs/vip", token: nil)
                #expect(try Schema.violations(of: "Sync", in: sync.body).isEmpty, "\(sync.body)")
                #expect(try sync.json["state"] as? String == "failing")
                #expect(try (sync.json["problem"] as? [String: Any])?["code"] as? String == "state_unknown")
                let runs = try await client.get("/api/v1/runs", token: nil)
                #expect(try Schema.violations(of: "RunPage", in: runs.body).isEmpty, "\(runs.body)")
                let missing = try #require(try runs.json["state_elsewhere"] as? [[String: Any]])
                #expect(missing.map { $0["sync"] as? String } == ["vip"])
            }
        }
    }

    @Test func aSyncThatNeverStartsByItselfIsNotFailing() {
        let settings = SyncSettings(
            name: "vip", warehouse: "shop", destination: "marketing", audience: .table(["people"]),
            list: .name("VIP", description: nil))
        for code in ["state_elsewhere", "state_unknown"] {
            var status = SyncStatus(settings: settings)
            status.problem = RunError(code: code, message: "It is not here.")
            #expect(SyncState(status) == .failing)
            status.isPaused = true
            #expect(SyncState(status) == .paused)
            status.settings.enabled = false
            #expect(SyncState(status) == .disabled)
            status.problem = RunError(code: "warehouse_unreachable", message: "It does not answer.")
            #expect(SyncState(status) == .unreachable)
        }
    }

    @Test func theWarehouseOfTheStateIsNamedWhereItIsAnother() async throws {
        let keeper = try await SQLiteFixture.make()
        let state = SQLiteWarehouse(path: keeper.path)
        do {
            try await WebBench.with(
                tokens: nil,
                adjustSetup: { setup in
                    guard let shop = setup.warehouses["shop"] else { return }
                    setup.warehouses["shop"] = SplitWarehouse(source: shop, state: state)
                    setup.warehouses["keeper"] = state
                    setup.warehouseOrder.append("keeper")
                    setup.states["shop"] = "keeper"
                }
            ) { bench in
                try await bench.run()
                try await bench.routes { client in
                    let sync = try await client.get("/api/v1/syncs/vip", token: nil)
                    #expect(try Schema.violations(of: "Sync", in: sync.body).isEmpty, "\(sync.body)")
                    #expect(try sync.json["warehouse"] as? String == "shop")
                    #expect(try sync.json["state_warehouse"] as? String == "keeper")
                    #expect(try sync.json["state"] as? String == "manual")
                    let overview = try await client.get("/", token: nil)
                    #expect(overview.body.contains("<dd><bdi>shop, state in keeper</bdi></dd>"), "\(overview.body)")
                    let page = try await client.get("/syncs/vip", token: nil)
                    #expect(page.body.contains("<dt>State in</dt><dd><bdi>keeper</bdi></dd>"), "\(page.body)")
                }
            }
        } catch {
            await state.close()
            await keeper.tearDown()
            throw error
        }
        await state.close()
        await keeper.tearDown()
        // Where all is in one warehouse, nothing more is said.
        try await WebBench.with(tokens: nil) { bench in
            try await bench.routes { client in
                let sync = try await client.get("/api/v1/syncs/vip", token: nil)
                #expect(try sync.json["state_warehouse"] is NSNull, "\(sync.body)")
                let page = try await client.get("/syncs/vip", token: nil)
                #expect(!page.body.contains("State in"))
            }
        }
    }
}
