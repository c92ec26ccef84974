import Foundation
import IterableSandbox
import Testing

/// Each exit code of the contract, provoked with the real program.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ExitCodeTests {
    @Test(arguments: Shop.Kind.allCases) func zeroWhenEverythingSucceeded(_ kind: Shop.Kind) async throws {
        try await Shop.with(kind, people: Shop.people(1...3)) { shop in
            let run = try await shop.rollcall("run", "members")
            #expect(run.code == 0, "\(run.all)")
            #expect(shop.members == Set(Shop.people(1...3)))
            #expect(try await shop.snapshot() == shop.members)
            #expect(try await shop.statuses() == ["succeeded"])
        }
    }

    @Test func oneWhenTheRunFailed() async throws {
        try await Shop.with(people: Shop.people(1...3)) { shop in
            try shop.configure { $0.audience = "table: peeple" }
            let run = try await shop.rollcall("run", "members")
            #expect(run.code == 1)
            #expect(run.out.contains("peeple") && run.out.contains("people"), "\(run.all)")
            #expect(try await shop.statuses() == ["failed"])
        }
    }

    /// The usage of the command that was given, not that of the program.
    @Test func aValueThatIsRefusedComesWithItsCommandsUsage() async throws {
        try await withFolder { folder in
            let output = try await Program.run(["sandbox", "--port", "99999"], in: folder, environment: [:])
            #expect(output.code == 2 && output.err.contains("from 0 to 65535"), "\(output.all)")
            #expect(output.err.contains("Usage: rollcall sandbox [--port <port>]"), "\(output.all)")
        }
    }

    @Test func aFolderThatCannotBeMadeIsNamedWithTheReason() async throws {
        try await withFolder { folder in
            try Data().write(to: folder.appendingPathComponent("file"))
            let output = try await Program.run(["init", "file/shop"], in: folder, environment: [:])
            #expect(output.code == 1 && output.err.contains("file/shop: Not a directory"), "\(output.all)")
        }
    }

    @Test(arguments: [
        ["run", "members", "--no-such-option"], ["run"], ["run", "members", "--all"], ["nonsense"],
        ["run", "no-such-sync"], ["plan"], ["plan", "no-such-sync"], ["why", "members"],
        ["runs", "--status", "splendid"], ["runs", "--limit", "0"], ["log", "--since", "yesterday"],
        ["log", "--status", "splendid"], ["log", "--run", "x"], ["syncs", "--format", "xml"],
        ["lists", "no-such-destination"], ["fields"], ["fields", "no-such-destination"],
        ["catalogs", "no-such-destination"], ["migrate", "no-such-warehouse"], ["syncs", "--config", "absent.yaml"],
        ["run", "--approve", "01a1fcb2-48a8-72af-8f46-ef4b3da46662", "members", "--full"],
        ["run", "--approve", "01a1fcb2-48a8-72af-8f46-ef4b3da46662", "members", "--backfill", "all"],
        ["run", "members", "--backfill", "soon"], ["run", "members", "--backfill", "0d"],
        ["run", "members", "--backfill", "30d"], ["plan", "members", "--backfill", "all"],
        ["run", "members", "--accept-new-ids"], ["run", "members", "--only", "user1@example.com"],
        ["plan", "members", "--only", "user1@example.com"], ["run", "members", "--only", "1", "--backfill", "all"],
        ["records", "members", "--state", "synced"], ["records", "no-such-sync"],
        ["records", "members", "--state", "splendid"],
        ["lists", "create", "iterable", " "], ["sandbox", "--fault", "earthquake", "--port", "0"],
        ["sandbox", "--port", "99999"],
    ]) func twoForWrongUsage(_ arguments: [String]) async throws {
        try await withFolder { folder in
            var configuration = ConfigurationText(baseURL: "http://127.0.0.1:9", list: "Members")
            configuration.warehouse = "{ type: sqlite, path: absent.sqlite }"
            try Data(configuration.text.utf8).write(to: folder.appendingPathComponent("rollcall.yaml"))
            let output = try await Program.run(arguments, in: folder, environment: ["ITERABLE_API_KEY": "key"])
            #expect(output.code == 2, "\(output.all)")
            #expect(!output.stderr.isEmpty)
            #expect(output.stdout.isEmpty)
        }
    }

    @Test func twoForABadConfigurationWithAllItsErrors() async throws {
        try await Shop.with { shop in
            try shop.configure {
                $0.audience = "tabel: people"
                $0.limits = "requests_per_second: fast"
                $0.guards = "max_removals: 2%, allow_emtpy: true"
            }
            let run = try await shop.rollcall("run", "members")
            #expect(run.code == 2)
            for word in ["rollcall.yaml", "tabel", "table", "requests_per_second", "allow_emtpy", "allow_empty"] {
                #expect(run.err.contains(word), "\(word) in \(run.err)")
            }
            #expect(run.stdout.isEmpty)
        }
    }

    @Test func twoWithoutAConfiguration() async throws {
        try await withFolder { folder in
            let run = try await Program.run(["run", "members"], in: folder)
            #expect(run.code == 2)
            #expect(run.err.contains("rollcall.yaml") && run.err.contains("rollcall init"), "\(run.err)")
        }
    }

    @Test func threeWithFailedRecords() async throws {
        try await Shop.with(people: ["a@example.com", "nobody"]) { shop in
            let run = try await shop.rollcall("run", "members")
            #expect(run.code == 3)
            #expect(run.out.contains("rollcall log --run"), "\(run.out)")
            #expect(shop.members == ["a@example.com"])
        }
    }

    @Test func fourWhenHeldAndNothingWasSent() async throws {
        try await Shop.with { shop in
            let run = try await shop.rollcall("run", "members")
            #expect(run.code == 4, "an empty audience is held: \(run.all)")
            #expect(shop.sentRows == 0)
            #expect(shop.sandbox.lists().isEmpty)
        }
    }

    @Test(arguments: Shop.Kind.allCases) func fiveWhileAnotherProcessRuns(_ kind: Shop.Kind) async throws {
        try await Shop.with(kind, people: Shop.people(1...6), tune: { $0.latencySeconds = 0.8 }) { shop in
            try shop.configure { $0.limits += ", subscribers_per_request: 1, concurrent_requests: 1" }
            let first = try shop.start("run", "members", "--json")
            #expect(try await eventually { !shop.members.isEmpty })
            let second = try await shop.rollcall("run", "members")
            #expect(second.code == 5, "\(second.all)")
            #expect(second.err.contains("process \(first.processID)"), "\(second.err)")
            let plan = try await shop.rollcall("plan", "members")
            #expect(plan.code == 0, "a plan needs no lease: \(plan.all)")
            let output = try await first.output()
            #expect(output.code == 0, "\(output.all)")
            #expect(shop.members.count == 6)
            #expect(shop.sentRows == 6)
        }
    }

    @Test(arguments: [SIGINT, SIGTERM]) func interruptedInMidRunAndCarriedOn(_ signal: Int32) async throws {
        try await Shop.with(people: Shop.people(1...12), tune: { $0.latencySeconds = 0.5 }) { shop in
            try shop.configure { $0.limits += ", subscribers_per_request: 1, concurrent_requests: 2" }
            let first = try shop.start("run", "members", "--json")
            #expect(try await eventually { shop.members.count >= 3 })
            first.signal(signal)
            let output = try await first.output()
            #expect(!output.endedBySignal)
            #expect(output.code == 130, "\(output.all)")
            let run = try output.object()
            #expect(run["status"] as? String == "interrupted")
            let counts = try Counts(run)
            #expect(counts.succeeded.subscribe >= 3 && counts.notAttempted > 0 && counts.unknown == 0)
            #expect(shop.members.count == counts.succeeded.subscribe)

            let next = try await shop.rollcall("run", "members")
            #expect(next.code == 0, "\(next.all)")
            #expect(shop.members == Set(Shop.people(1...12)))
            #expect(shop.sentRows == 12, "what was acknowledged is not sent again")
            #expect(try await shop.statuses() == ["interrupted", "succeeded"])
        }
    }

    @Test func theSecondSignalGivesUpWhatIsUnderWay() async throws {
        try await Shop.with(people: Shop.people(1...4), tune: { $0.latencySeconds = 2 }) { shop in
            let first = try shop.start("run", "members", "--json")
            #expect(try await eventually { shop.sandbox.counts.maxInFlightPerIdentifier > 0 })
            first.signal(SIGINT)
            #expect(try await eventually { first.errorsSoFar.contains("stopping") })
            first.signal(SIGINT)
            let output = try await first.output()
            #expect(output.code == 130, "\(output.all)")
            #expect(try await shop.statuses() == ["interrupted"])
            let next = try await shop.rollcall("run", "members")
            #expect(next.code == 0, "\(next.all)")
            #expect(shop.members == Set(Shop.people(1...4)))
        }
    }

    @Test func interruptedWhileTheAudienceIsRead() async throws {
        try await Shop.with(people: Shop.people(1...3)) { shop in
            #expect(try await shop.rollcall("run", "members").code == 0)
            try shop.configure {
                $0.audience = """
                    query: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) \
                    SELECT i || '@example.com' AS email FROM n"
                    """
            }
            let program = try shop.start("run", "members", "--json")
            #expect(try await eventually { try await shop.statuses().last == "running" })
            program.signal(SIGINT)
            let heeded = try await eventually { program.hasEnded }
            program.signal(SIGKILL)
            let output = try await program.output()
            let status = try await shop.statuses().last
            #expect(heeded)
            #expect(output.code == 130, "\(output.all)")
            #expect(status == "interrupted")
            try shop.configure()
            #expect(try await shop.rollcall("run", "members").code == 0)
            #expect(shop.members == Set(Shop.people(1...3)))
        }
    }

    @Test func whatWasSentBeforeTheInterruptionIsNotCalledUnsent() async throws {
        try await Shop.with(people: ["a@example.com"], tune: { $0.faults = [Fault(.status(500), target: .subscribe)] })
        {
            shop in
            let program = try shop.start("run", "members", "--json")
            #expect(
                try await eventually { shop.sandbox.requestLog.contains { $0.path.hasSuffix("/subscribe") } })
            program.signal(SIGTERM)
            #expect(try await program.output().code == 130)
            let rows = try await shop.query("SELECT status, error_code, attempts > 0 FROM rollcall_sync_log")
            #expect(rows.first?.first == "unknown" && rows.first?.last == "1")
            #expect(rows.first?[1] == "server_error", "\(rows)")
            shop.sandbox.setFaults([])
            #expect(try await shop.rollcall("run", "members").code == 0)
            #expect(shop.members == ["a@example.com"])
        }
    }

    @Test func theMostSeriousCodeOfSeveralSyncs() async throws {
        try await Shop.with(people: ["a@example.com", "nobody"]) { shop in
            try shop.configure { configuration in
                configuration.logs = """
                    }
                      other:
                        warehouse: shop
                        destination: iterable
                        audience: { table: absent }
                        list: { name: Other }
                        mapping: { email: email
                    """
            }
            let run = try await shop.rollcall("run", "members", "other", "--json")
            #expect(run.code == 1, "\(run.all)")
            #expect(run.out.split(separator: "\n").count == 2, "one object for each run")
            #expect(shop.members == ["a@example.com"])
            #expect(try await shop.rollcall("run", "--all").code == 1)
        }
    }
}
