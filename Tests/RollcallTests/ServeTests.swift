import Foundation
import IterableSandbox
import TestSupport
import Testing

/// `rollcall serve` as a process: ticks, signals, crashes, reload.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ServeTests {
    /// A daily schedule whose tick is half a day away in both directions, so that no tick falls into the test.
    private static func schedule() -> String {
        let hour = (Int(Date().timeIntervalSince1970) / 3600 + 12) % 24
        return String(format: "every: 24h, at: \"%02d:00\"", hour)
    }

    /// A process that serves, with its schedule noted in the warehouse.
    private func serving(_ shop: Shop, _ arguments: String...) async throws -> RunningProgram {
        let program = try Program.start(
            ["serve", "--listen", "127.0.0.1:0"] + arguments, in: shop.folder, environment: shop.environment)
        let isNoted = try await eventually {
            let rows = try? await shop.query(
                "SELECT 1 FROM \(shop.state("sync_state")) WHERE ticked_through IS NOT NULL")
            return program.hasEnded || rows?.isEmpty == false
        }
        #expect(isNoted && !program.hasEnded, "\(program.errorsSoFar)")
        return program
    }

    private func end(_ program: RunningProgram) async throws -> Output {
        program.signal(SIGTERM)
        return try await program.output()
    }

    /// Makes the schedule owe the ticks of three days.
    private func pretendOutage(_ shop: Shop) async throws {
        let past = Date().addingTimeInterval(-3 * 86_400)
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        try await shop.execute("UPDATE \(shop.state("sync_state")) SET ticked_through = '\(past)'")
    }

    private func ticks(_ shop: Shop) async throws -> [String] {
        try await shop.query("SELECT outcome FROM \(shop.state("schedule_ticks")) ORDER BY due_at")
            .compactMap { $0.first ?? nil }
    }

    @Test(arguments: [false, true]) func aTokenListThatIsNoneIsWrongUsage(_ isInFile: Bool) async throws {
        try await Shop.with(.sqlite, people: []) { shop in
            try shop.configure()
            var environment = shop.environment
            if isInFile {
                let file = shop.folder.appendingPathComponent(".env")
                try "ROLLCALL_TOKENS=ci:operator\n".write(to: file, atomically: true, encoding: .utf8)
            } else {
                environment["ROLLCALL_TOKENS"] = "ci:operator"
            }
            let output = try await Program.start(
                ["serve", "--listen", "127.0.0.1:0"], in: shop.folder, environment: environment
            ).output()
            #expect(output.code == 2 && output.err.contains("entry 1 of ROLLCALL_TOKENS"), "\(output.all)")
        }
    }

    @Test func anOpenAddressWithoutATokenIsWrongUsage() async throws {
        try await Shop.with(.sqlite, people: []) { shop in
            try shop.configure()
            var environment = shop.environment
            environment["ROLLCALL_TOKENS"] = ","
            let output = try await Program.start(
                ["serve", "--listen", "0.0.0.0:0"], in: shop.folder, environment: environment
            ).output()
            #expect(output.code == 2 && output.err.contains("no token is configured"), "\(output.all)")
        }
    }

    @Test func eachEventIsOneReadableLine() async throws {
        try await Shop.with(.sqlite, people: []) { shop in
            try shop.configure { $0.schedule = Self.schedule() }
            let program = try await serving(shop)
            try Data("syncs: [".utf8).write(to: shop.folder.appendingPathComponent("rollcall.yaml"))
            #expect(try await eventually { program.errorsSoFar.contains("is refused") })
            let line = program.errorsSoFar.split(separator: "\n").first { $0.contains("is refused") } ?? ""
            #expect(line.contains("rollcall.yaml:") && !line.contains("u{a}"), "\(line)")
            #expect(line.contains("The configuration from before stays"), "\(line)")
            _ = try await end(program)
        }
    }

    @Test(arguments: Shop.Kind.allCases)
    func anOutageIsMadeUpForAndTwoProcessesShareIt(_ kind: Shop.Kind) async throws {
        try await Shop.with(kind, people: Shop.people(1...5)) { shop in
            try shop.configure { $0.schedule = Self.schedule() }
            let first = try await serving(shop)
            #expect(try await ticks(shop).isEmpty)
            let stopped = try await end(first)
            #expect(stopped.code == 0 && stopped.stdout.isEmpty, "\(stopped.all)")
            try await pretendOutage(shop)
            let both = [
                try shop.start("serve", "--listen", "127.0.0.1:0", "--log-format", "json"),
                try shop.start("serve", "--listen", "127.0.0.1:0", "--log-format", "json"),
            ]
            let ran = try await eventually { try await ticks(shop) == ["missed", "missed", "ran"] }
            let seen = try await ticks(shop)
            #expect(ran, "\(seen) \(both.map(\.errorsSoFar))")
            #expect(try await eventually { try await shop.statuses() == ["succeeded"] })
            #expect(shop.members == Set(Shop.people(1...5)))
            let runs = try await shop.query("SELECT trigger, run_id FROM \(shop.state("sync_runs"))")
            let tick = try await shop.query(
                "SELECT 'schedule', run_id FROM \(shop.state("schedule_ticks")) WHERE outcome = 'ran'")
            #expect(runs == tick)
            // The other one may not have got so far that it heeds a signal.
            for program in both { #expect(try await eventually { program.errorsSoFar.contains("\"serving\"") }) }
            var events: [String] = []
            for program in both {
                let output = try await end(program)
                #expect(output.code == 0)
                for line in output.err.split(separator: "\n") {
                    let object = try #require(
                        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
                    #expect(object["time"] is String && object["level"] is String && object["message"] is String)
                    if let event = object["event"] as? String { events.append(event) }
                }
            }
            #expect(events.count { $0 == "run_started" } == 1 && events.count { $0 == "run_ended" } == 1)
            #expect(events.count { $0 == "stopped" } == 2)
        }
    }

    private func slow(_ shop: Shop) throws {
        try shop.configure {
            $0.schedule = Self.schedule()
            $0.limits =
                "requests_per_second: 500, settle_seconds: 0.2, subscribers_per_request: 1, "
                + "concurrent_requests: 1, request_timeout_seconds: 10"
        }
    }

    /// A process in the middle of a run.
    private func running(_ shop: Shop) async throws -> RunningProgram {
        _ = try await end(try await serving(shop))
        try await pretendOutage(shop)
        let before = shop.sandbox.counts.requests
        let program = try shop.start("serve", "--listen", "127.0.0.1:0")
        #expect(try await eventually { shop.sandbox.counts.requests > before + 3 }, "\(program.errorsSoFar)")
        return program
    }

    @Test func theFirstSignalLetsRequestsEnd() async throws {
        try await Shop.with(people: Shop.people(1...200), tune: { $0.latencySeconds = 0.05 }) { shop in
            try slow(shop)
            let output = try await end(try await running(shop))
            #expect(output.code == 0, "\(output.all)")
            #expect(try await shop.statuses() == ["interrupted"])
            let unknown = try await shop.query("SELECT unknown FROM \(shop.state("sync_runs"))")
            #expect(unknown == [["0"]])
            #expect(try await shop.snapshot() == shop.members)
            #expect(!shop.members.isEmpty && shop.members.count < 200)
        }
    }

    @Test func theSecondSignalGivesRequestsUp() async throws {
        try await Shop.with(people: Shop.people(1...20), tune: { $0.latencySeconds = 5 }) { shop in
            try shop.configure {
                $0.schedule = Self.schedule()
                $0.limits = "settle_seconds: 0.2, subscribers_per_request: 5"
            }
            _ = try await end(try await serving(shop))
            try await pretendOutage(shop)
            let program = try shop.start("serve", "--listen", "127.0.0.1:0")
            // A request is claimed before it is sent; only one that has arrived is given up.
            #expect(try await eventually { shop.sandbox.counts.maxInFlightPerIdentifier > 0 })
            program.signal(SIGTERM)
            #expect(try await eventually { program.errorsSoFar.contains("stopping") })
            program.signal(SIGTERM)
            let output = try await program.output()
            #expect(output.code == 0 && output.err.contains("at once"), "\(output.all)")
            let rows = try await shop.query("SELECT status, unknown > 0 FROM \(shop.state("sync_runs"))")
            #expect(rows == [["interrupted", "1"]])
        }
    }

    @Test(arguments: Shop.Kind.allCases)
    func whenOneOfTwoIsKilledTheOtherClosesItsRun(_ kind: Shop.Kind) async throws {
        try await Shop.with(kind, people: Shop.people(1...200), tune: { $0.latencySeconds = 0.05 }) { shop in
            try slow(shop)
            _ = try await end(try await serving(shop))
            let other = try await serving(shop)
            let program = try await running(shop)
            // Whoever has the tick has the run; both could.
            let holder = try await shop.query("SELECT holder FROM \(shop.state("sync_leases"))").first?.first ?? nil
            let parts = (holder ?? "").split(separator: " ")
            let hasRun = parts.count == 5 && parts[3] == "\(program.processID)"
            let (victim, survivor) = hasRun ? (program, other) : (other, program)
            victim.signal(SIGKILL)
            _ = try await victim.output()
            let isClosed = try await eventually { try await shop.statuses() == ["interrupted"] }
            let statuses = try await shop.statuses()
            #expect(isClosed, "\(statuses) \(survivor.errorsSoFar)")
            #expect(try await ticks(shop).filter { $0 == "ran" }.count == 1)
            #expect(try await end(survivor).code == 0)
            let next = try await shop.rollcall("run", "members", "--json")
            #expect([0, 3].contains(next.code) && shop.members == Set(Shop.people(1...200)), "\(next.all)")
        }
    }

    @Test func aRunOfTheCommandIsCancelledFromElsewhere() async throws {
        try await Shop.with(people: Shop.people(1...300), tune: { $0.latencySeconds = 0.05 }) { shop in
            try slow(shop)
            let program = try shop.start("run", "members", "--json")
            #expect(try await eventually { shop.sandbox.counts.requests > 3 })
            try await shop.execute(
                """
                UPDATE \(shop.state("sync_state"))
                   SET cancel_run_id = (SELECT run_id FROM \(shop.state("sync_runs")) WHERE status = 'running')
                """)
            let output = try await program.output()
            #expect(try output.object()["status"] as? String == "cancelled", "\(output.all)")
            #expect(output.code == 130 && shop.members.count < 300)
        }
    }

    @Test func aChangedConfigurationIsReadAnewAndAWrongOneRefused() async throws {
        try await Shop.with(people: Shop.people(1...5)) { shop in
            try shop.configure { $0.schedule = Self.schedule() }
            let program = try await serving(shop)
            let noted = "SELECT schedule FROM \(shop.state("sync_state"))"
            let before = try await shop.query(noted)
            try shop.configure { $0.schedule = "every: 24hours" }
            #expect(try await eventually { program.errorsSoFar.contains("is refused, the old one stays") })
            #expect(program.errorsSoFar.contains("schedule"))
            #expect(try await shop.query(noted) == before)
            try shop.configure { $0.schedule = "every: 12h, at: \"00:30\"" }
            #expect(try await eventually { try await shop.query(noted) != before }, "\(program.errorsSoFar)")
            #expect(program.errorsSoFar.components(separatedBy: "is refused").count == 2, "it is told once")
            // SIGHUP is answered also where nothing has changed.
            let answers = program.errorsSoFar.components(separatedBy: "was reloaded").count
            program.signal(SIGHUP)
            #expect(
                try await eventually { program.errorsSoFar.components(separatedBy: "was reloaded").count > answers })
            #expect(try await end(program).code == 0)
        }
    }

    @Test func aWarehouseThatIsAwayAtTheStartIsTriedAgain() async throws {
        try await Shop.with(people: Shop.people(1...5)) { shop in
            try shop.configure {
                $0.schedule = Self.schedule()
                $0.further = """
                      far:
                        warehouse: away
                        destination: iterable
                        audience: { table: people }
                        list: { name: Far }
                        schedule: { every: 24h }
                    """
                $0.warehouse += "\n  away: { type: sqlite, path: away.sqlite }"
            }
            let program = try await serving(shop)
            #expect(try await eventually { program.errorsSoFar.contains("warehouse away") })
            try await shop.execute("VACUUM INTO '\(shop.folder.path)/away.sqlite'")
            #expect(try await eventually { program.errorsSoFar.contains("all right again") })
            #expect(try await end(program).code == 0)
        }
    }

    @Test func whatCannotBeServedIsSaidAtOnce() async throws {
        try await Shop.with { shop in
            for (arguments, words) in [
                (["--listen", "0.0.0.0:8420"], "token"), (["--listen", "nonsense"], "host:port"),
                (["--listen", "[::]:8420"], "token"), (["--log-format", "xml"], "xml"),
                (["--config", "none.yaml"], "none.yaml"),
            ] {
                let output = try await shop.rollcall(["serve"] + arguments)
                #expect(output.code == 2 && output.err.contains(words), "\(arguments): \(output.all)")
            }
        }
    }
}
