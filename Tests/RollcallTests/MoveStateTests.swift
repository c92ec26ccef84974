import Foundation
import IterableSandbox
import TestSupport
import Testing

/// `rollcall move-state`, and what runs say of a state that is elsewhere.
@Suite(.timeLimit(.minutes(10))) struct MoveStateTests {
    private func code(_ output: Output) throws -> String? {
        (try output.object()["error"] as? [String: Any])?["code"] as? String
    }

    /// Everything that begins a run says where the state is, and does nothing.
    private func isElsewhere(_ scene: StateScene, in place: String, home: String) async throws {
        let before = scene.shop.sandbox.counts.requests
        let run = try await scene.rollcall("run", "members", "--json")
        #expect(run.code == 1, "\(run.all)")
        #expect(try code(run) == "state_elsewhere")
        #expect(run.err.contains(place) && run.err.contains(home), "\(run.err)")
        #expect(run.err.contains("rollcall move-state shop --from \(place)"), "\(run.err)")
        let plan = try await scene.rollcall("plan", "members")
        #expect(plan.code == 1 && plan.err.contains("rollcall move-state shop"), "\(plan.all)")
        #expect(scene.shop.sandbox.counts.requests == before)
        let check = try await scene.rollcall("check")
        #expect(check.code == 1, "\(check.all)")
        #expect(check.out.contains("FAIL sync members, state: "), "\(check.out)")
        try await isNamed(scene, in: place)
    }

    /// Everything that shows what a sync has done says where its state is, instead of showing nothing or what is old.
    private func isNamed(_ scene: StateScene, in place: String) async throws {
        let way = "rollcall move-state shop --from \(place)"
        for (command, code) in [
            (["why", "members", "user1@example.com"], Int32(1)), (["records", "members"], 1), (["runs", "members"], 0),
            (["runs"], 0), (["log", "members"], 0),
        ] {
            let output = try await scene.shop.rollcall(command, environment: scene.environment)
            #expect(output.code == code && output.err.contains(way), "\(command): \(output.all)")
            #expect(!output.out.contains("user1@example.com"), "\(command): \(output.out)")
        }
        let narrow = try await scene.rollcall("syncs")
        #expect(narrow.err.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(narrow.err)")
        let syncs = try await scene.rollcall("syncs", "--format", "json")
        #expect(syncs.code == 0 && syncs.err.contains(way), "\(syncs.all)")
        let rows = try #require(try syncs.json() as? [[String: Any]])
        #expect(rows.map { $0["last_status"] as? String } == ["state_elsewhere"], "\(syncs.out)")
        #expect(rows.first?["members"] is NSNull && rows.first?["last_run_id"] is NSNull, "\(syncs.out)")
        #expect(rows.first?["warehouse"] as? String == "shop")
        #expect(rows.first?["state_warehouse"] as? String == (place == "shop" ? "archive" : nil), "\(syncs.out)")
    }

    @Test(arguments: Shop.Kind.allCases) func aChangedConfigurationBeginsNothingFromTheStart(_ kind: Shop.Kind)
        async throws
    {
        try await StateScene.with(kind, people: 1...8) { scene in
            let first = try await scene.run()
            #expect(first.code == 0, "\(first.all)")
            try scene.configure(inArchive: true)
            try await isElsewhere(scene, in: "shop", home: "archive")
            try await isElsewhere(scene, in: "shop", home: "archive")

            let asked = try await scene.rollcall("move-state", "shop")
            #expect(asked.code == 2 && asked.err.contains("--yes"), "\(asked.all)")
            #expect(
                asked.out.contains("members: from shop to archive, ") && asked.out.contains("list_members 8"),
                "\(asked.out)")
            try await isElsewhere(scene, in: "shop", home: "archive")

            let moved = try await scene.rollcall("move-state", "shop", "--yes", "--json")
            #expect(moved.code == 0, "\(moved.all)")
            let object = try moved.object()
            #expect(object["sync"] as? String == "members" && object["result"] as? String == "done")
            #expect(object["from"] as? String == "shop" && object["to"] as? String == "archive")
            let before = scene.shop.sandbox.counts.requests
            let next = try await scene.run()
            #expect(next.code == 0 && scene.deliveries(since: before) == 0, "\(next.all)")
            let runs = try await scene.rollcall("runs", "--format", "json")
            #expect(runs.out.contains(try #require(try first.object()["run_id"] as? String)), "the history came along")

            // The configuration of before finds the mark.
            try scene.configure(inArchive: false)
            try await isElsewhere(scene, in: "archive", home: "shop")
            let back = try await scene.rollcall("move-state", "shop", "--from", "archive", "--yes")
            #expect(back.code == 0, "\(back.all)")
            let third = try await scene.run()
            #expect(third.code == 0 && scene.deliveries(since: before) == 0, "\(third.all)")
            let nothing = try await scene.rollcall("move-state", "shop")
            #expect(nothing.code == 0 && nothing.out.contains("nothing to move"), "\(nothing.all)")
        }
    }

    @Test(arguments: Shop.Kind.allCases) func aHeldRunIsApprovedWhereItWasMovedTo(_ kind: Shop.Kind) async throws {
        try await StateScene.with(kind, people: 1...8) { scene in
            #expect(try await scene.run().code == 0)
            try scene.scene.configure { $0.guards = "max_removals: 1" }
            try await scene.scene.leave([1, 2, 3])
            let held = try await scene.rollcall("run", "members", "--json")
            #expect(held.code == 4, "\(held.all)")
            let id = try #require(try held.object()["run_id"] as? String)
            try scene.configure(inArchive: true)
            let moved = try await scene.rollcall("move-state", "shop", "--yes")
            #expect(moved.code == 0 && moved.out.contains("sync_changes 3"), "\(moved.all)")
            let approved = try await scene.rollcall("run", "--approve", id, "--json")
            #expect(approved.code == 0, "\(approved.all)")
            let (audience, members) = (try await scene.scene.audience(), try await scene.scene.ours())
            #expect(members == audience && audience.count == 5)
        }
    }

    @Test func whileARunIsInProgressItEndsWithFive() async throws {
        try await StateScene.with(.sqlite, people: 1...30) { scene in
            scene.shop.sandbox.setFaults([
                Fault(.stall, trigger: .probability(1), target: .pathPrefix("/api/lists/subscribe"), seconds: 3)
            ])
            let before = scene.shop.sandbox.counts.requests
            let program = try scene.start("run", "members")
            try await scene.scene.reached(1, since: before, program)
            let isOpen = try await eventually {
                let open = try? await scene.shop.query(
                    "SELECT 1 FROM \(scene.shop.state("sync_runs")) WHERE status = 'running'")
                return open?.isEmpty == false
            }
            #expect(isOpen)
            try scene.configure(inArchive: true)
            let refused = try await scene.rollcall("move-state", "shop", "--yes")
            #expect(refused.code == 5 && refused.err.contains("in progress"), "\(refused.all)")
            scene.shop.sandbox.setFaults([])
            #expect([0, 3].contains(try await program.output().code))
            let moved = try await scene.rollcall("move-state", "shop", "--yes")
            #expect(moved.code == 0, "\(moved.all)")
        }
    }

    /// What the hint of `state_conflict` says lets go of that one, and of no other.
    @Test(arguments: Shop.Kind.allCases) func abandonLetsGoInTheWarehouseThatIsNamed(_ kind: Shop.Kind) async throws {
        try await StateScene.with(kind, people: 1...4) { scene in
            #expect(try await scene.run().code == 0)
            try scene.configure(inArchive: true)
            #expect(try await scene.rollcall("move-state", "shop", "--yes").code == 0)
            // The mark in the shop is lost, as after a backup was restored.
            try await scene.shop.execute(
                """
                UPDATE \(scene.shop.state("sync_leases")) SET elsewhere_id = NULL, elsewhere = NULL, holder = '',
                       expires_at = '2020-01-01T00:00:00.000Z'
                """)
            let twice = try await scene.rollcall("move-state", "shop", "--yes")
            #expect(twice.code == 1 && twice.err.contains("rollcall abandon members --warehouse NAME"), "\(twice.all)")
            let abandoned = try await scene.rollcall("abandon", "members", "--warehouse", "shop")
            #expect(abandoned.code == 0 && abandoned.out.contains("the warehouse shop"), "\(abandoned.all)")
            #expect(abandoned.out.contains("with 4 members"), "\(abandoned.all)")
            let before = scene.shop.sandbox.counts.requests
            #expect(try await scene.rollcall("move-state", "shop", "--yes").code == 0)
            let next = try await scene.run()
            #expect(next.code == 0 && scene.deliveries(since: before) == 0, "\(next.all)")
        }
    }

    /// While a move is broken off, the sync is closed in both places: that is why its runs are not shown.
    @Test func reportsSayWhyTheyLeaveASyncOut() async throws {
        try await StateScene.with(.sqlite, people: 1...4) { scene in
            let run = try await scene.run()
            let id = try #require(try run.object()["run_id"] as? String, "\(run.all)")
            try await scene.shop.execute(
                """
                UPDATE \(scene.shop.state("sync_leases")) SET expires_at = '9999-12-31T23:59:59.999Z', elsewhere = 'archive',
                       elsewhere_id = '11111111-2222-4333-8444-555555555555'
                """)
            for arguments in [["runs"], ["runs", "members"], ["log"], ["log", "members"]] {
                let output = try await scene.shop.rollcall(arguments, environment: scene.environment)
                #expect(output.code == 0 && output.err.contains("archive"), "\(arguments): \(output.all)")
                #expect(!output.out.contains(id), "\(output.all)")
                #expect(output.err.contains("rollcall move-state shop"), "\(arguments): \(output.all)")
            }
            let report = try await scene.rollcall("run-report", id)
            #expect(report.code == 1 && report.err.contains("rollcall move-state shop"), "\(report.all)")
            #expect(!report.err.contains("there is no run"), "\(report.all)")
        }
    }

    /// The retention of a sync holds for the rows that it has left behind, too.
    @Test(arguments: Shop.Kind.allCases) func whatWasLeftIsPruned(_ kind: Shop.Kind) async throws {
        try await StateScene.with(kind, people: 1...4) { scene in
            try scene.configure(inArchive: true)
            #expect(try await scene.run().code == 0)
            try scene.configure(inArchive: false)
            #expect(try await scene.rollcall("move-state", "shop", "--yes").code == 0)
            let old = "'2020-01-01T00:00:00.000Z'"
            try await scene.archive.execute("UPDATE \(scene.archive.state("sync_log")) SET logged_at = \(old)")
            try await scene.archive.execute(
                "UPDATE \(scene.archive.state("sync_runs")) SET started_at = \(old), finished_at = \(old)")
            let pruned = try await scene.rollcall("prune", "archive", "--json")
            #expect(pruned.code == 0, "\(pruned.all)")
            let object = try pruned.object()
            #expect(object["records"] as? Int == 4 && object["runs"] as? Int == 1, "\(pruned.all)")
        }
    }

    @Test func wrongUse() async throws {
        try await StateScene.with(.sqlite, people: 1...2) { scene in
            let unknown = try await scene.rollcall("move-state", "shp", "--yes")
            #expect(unknown.code == 2 && unknown.err.contains("shop"), "\(unknown.all)")
            let from = try await scene.rollcall("move-state", "shop", "--from", "archiv", "--yes")
            #expect(from.code == 2 && from.err.contains("archive"), "\(from.all)")
            let same = try await scene.rollcall("move-state", "shop", "--from", "shop", "--yes")
            #expect(same.code == 2 && same.err.contains("`state`"), "\(same.all)")
            let none = try await scene.rollcall("move-state", "shop", "--yes")
            #expect(none.code == 0 && none.out.contains("no state yet"), "\(none.all)")
            let others = try await scene.rollcall("move-state", "archive", "--yes")
            #expect(others.code == 0 && others.err.contains("No sync"), "\(others.all)")
        }
    }
}
