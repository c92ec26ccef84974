import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

@Suite struct PostgresStateTests {
    @Test func migratesOnceHoweverManyDoItAtOnce() async throws {
        try await withDatabase { fixture in
            let others = try (0..<4).map { _ in try fixture.second() }
            let results = try await withThrowingTaskGroup(of: MigrationResult.self) { group in
                for warehouse in others { group.addTask { try await warehouse.migrate() } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.filter { $0.from == nil }.count == 1 && Set(results.map(\.to)).count == 1)
            for warehouse in others { await warehouse.close() }
        }
    }

    @Test func anOlderBinaryRefusesNewerTables() async throws {
        try await withDatabase { fixture in
            _ = try await fixture.warehouse.migrate()
            try await fixture.execute("INSERT INTO rollcall.schema_migrations VALUES (99, 'future', now())")
            #expect(await warehouseFailure { try await fixture.warehouse.migrate() }?.kind == .schemaTooNew)
        }
    }

    /// The server says of tables in a schema that may not be used that they do not exist.
    @Test func aSchemaThatMayNotBeUsedIsNamedWithTheGrant() async throws {
        try await withDatabase { fixture in
            _ = try await fixture.warehouse.migrate()
            let role = "reader_" + fixture.database
            try await fixture.cluster.createRole(role)
            let url = fixture.cluster.socketURL(database: fixture.database, user: role)
            let warehouse = PostgresWarehouse(url: Secret(url), stateSchema: "rollcall")
            let error = try #require(await warehouseFailure { try await warehouse.migrate() })
            #expect(error.kind == .permission)
            #expect(error.error.message.contains("\(role) may not use the schema rollcall"), "\(error.error.message)")
            let hint = try #require(error.error.hint)
            for grant in hint.split(separator: ";") { try await fixture.execute(String(grant)) }
            #expect(await warehouseFailure { try await warehouse.migrate() } == nil)
            await warehouse.close()
            try await fixture.execute("DROP OWNED BY \(role); DROP ROLE \(role)")
        }
    }

    @Test func readingWithoutTablesGivesNothing() async throws {
        try await withDatabase { fixture in
            let warehouse = fixture.warehouse
            #expect(try await warehouse.schemaVersion() == nil)
            #expect(try await warehouse.runs(RunFilter()).isEmpty)
            #expect(try await warehouse.heldRun(sync: "vip") == nil)
            #expect(try await warehouse.listBinding(sync: "vip") == nil)
            #expect(try await warehouse.memberCounts(sync: "vip", of: .list(7)).isEmpty)
            #expect(try await warehouse.fingerprintKey(sync: "vip", newKey: nil) == nil)
            try await warehouse.readSnapshot(sync: "vip", of: .list(7)) { _, _, _ in Issue.record("there is none") }
            try await warehouse.records(RecordFilter()) { _ in Issue.record("there is none") }
            #expect(try await warehouse.prune([RetentionPolicy(sync: "vip", days: 1)]) == PruneResult())
            #expect(await warehouseFailure { try await warehouse.lease() }?.kind == .stateMissing)
        }
    }

    /// A daemon that was away for years owes a million rows, which take a loaded server longer than a short statement may.
    @Test func theTicksOfYearsHaveTheTimeOfALongStatement() async throws {
        try await withDatabase { fixture in
            let store = try #require(fixture.warehouse as? any ServiceWarehouse)
            _ = try await fixture.warehouse.migrate()
            try await fixture.execute(
                """
                CREATE TABLE limits (at bigserial, value text);
                CREATE FUNCTION note_limit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    INSERT INTO public.limits (value) VALUES (current_setting('statement_timeout')); RETURN NULL; END $$;
                CREATE TRIGGER note AFTER INSERT ON rollcall.schedule_ticks
                    FOR EACH STATEMENT EXECUTE FUNCTION note_limit();
                """)
            let now = Date(timeIntervalSince1970: 1_800_014_400)
            func claim(_ schedule: String, years: Double, days: Int) async throws -> Int? {
                try await store.noteSchedule(
                    sync: "vip", schedule: schedule, now: now.addingTimeInterval(-years * 31_536_000))
                let claim = TickClaim(
                    sync: "vip", grid: TickGrid(ScheduleSettings(every: .hour)), now: now, retentionDays: days,
                    isEnabled: true, runID: Scene.id(1))
                return try await store.claimTick(claim)?.missed
            }
            #expect(try await claim("hourly", years: 0.1, days: 30) == 719)
            try await fixture.execute("DELETE FROM rollcall.schedule_ticks")
            #expect(try await claim("hourly again", years: 3, days: 3650) == 26_279)
            #expect(
                try await fixture.query("SELECT value FROM limits ORDER BY at").map { $0[0] }
                    == ["1min", "1min", "30min", "30min"])
        }
    }

    @Test func aLeaseIsTakenOnlyWhenFreeExpiredOrDead() async throws {
        try await withDatabase { fixture in
            let warehouse = fixture.warehouse
            _ = try await warehouse.migrate()
            let start = ContinuousClock.now
            let first = try await warehouse.lease()
            let busy = try await warehouse.acquireLease(sync: "vip", holder: "b", seconds: 60) { $0 != "test" }
            guard case .busy("test", let left, nil) = busy else {
                Issue.record("\(busy)")
                return
            }
            #expect(left <= 60 && left > 59 - (ContinuousClock.now - start) / .seconds(1))
            let taken = try await warehouse.lease()
            #expect(taken.token > first.token)
            #expect(await warehouseFailure { try await warehouse.renewLease(first, seconds: 60) }?.kind == .leaseLost)
            #expect(await warehouseFailure { try await warehouse.openRun(first, newRun()) }?.kind == .leaseLost)
            try await warehouse.releaseLease(first)
            try await warehouse.renewLease(taken, seconds: 60)
            try await warehouse.releaseLease(taken)
            let free = try await warehouse.acquireLease(sync: "vip", holder: "c", seconds: 60) { _ in false }
            #expect(free == .acquired(Lease(sync: "vip", holder: "c", token: taken.token + 1, isNew: true)))
        }
    }

    @Test func aLeaseCanBeRenewedWhileAPlanIsStaged() async throws {
        try await withDatabase { fixture in
            let warehouse = fixture.warehouse
            _ = try await warehouse.migrate()
            let lease = try await warehouse.lease()
            var run = newRun()
            try await warehouse.openRun(lease, run)
            run.counts.planned.subscribe = 1
            let plan = WaitingPlan([change(1, "a@example.com")])
            async let staged: Void = warehouse.stage(lease, run, plan: plan, log: LogSettings())
            try await poll { plan.hasBegun }
            try await warehouse.renewLease(lease, seconds: 60)
            plan.goOn()
            try await staged
            #expect(try await warehouse.changes(run: run.id, after: 0, limit: 9).count == 1)
        }
    }

    /// Outcomes of several kinds, acknowledged twice as after a lost answer.
    @Test func acknowledgingAgainChangesNothing() async throws {
        try await withDatabase { fixture in
            let warehouse = fixture.warehouse
            _ = try await warehouse.migrate()
            let lease = try await warehouse.lease()
            var run = newRun()
            try await warehouse.openRun(lease, run)
            run.counts.planned.subscribe = 4
            let records = [
                ValidationRecord(
                    isFailure: true, email: [0x61, 0xFF, 0x00] + [UInt8](repeating: 0x78, count: 2000), userID: nil,
                    reason: FailureReason(code: "email_syntax", reason: "It is no address."))
            ]
            let names = ["ok", "bad", "gone", "lost"].map { $0 + "@example.com" }
            let plan = ListPlan(names.enumerated().map { change(Int64($0 + 1), $1) }, records)
            try await warehouse.stage(lease, run, plan: plan, log: LogSettings())
            try await warehouse.claim(lease, run: run.id, through: 4)
            let reason = FailureReason(code: "x", reason: "it's \"so\" \\ {1,2}", httpStatus: 200)
            let outcome = BatchOutcome(
                sequences: 1...4, operation: .subscribe,
                exceptions: [2: .failed(reason), 3: .rejected(reason), 4: .unknown(reason)], httpStatus: 202,
                attempts: 2,
                mayLandUntil: try await warehouse.now().addingTimeInterval(3600))
            run.counts.succeeded.subscribe = 1
            run.counts.failed.subscribe = 2
            run.counts.unknown.subscribe = 1
            for _ in 0..<2 { try await warehouse.acknowledge(lease, run, outcomes: [outcome], log: LogSettings()) }
            #expect(
                try await warehouse.memberCounts(sync: "vip", of: .list(7)) == [
                    .subscribed: 1, .subscribing: 2, .rejected: 1,
                ])
            #expect(try await warehouse.requestsInDoubt(sync: "vip", of: .list(7)).count == 4)
            let log = Collector<LogRecord>()
            try await warehouse.records(RecordFilter()) { log.add($0) }
            #expect(log.all.map(\.status) == ["unknown", "failed", "failed", "succeeded", "failed"])
            #expect(log.all[1].errorReason == reason.reason && log.all[3].httpStatus == 202 && log.all[3].attempts == 2)
            let invalid = try #require(log.all.last?.email)
            #expect(invalid == #"a\xFF\x00"# + String(repeating: "x", count: 2000))
            try await finishAndCompare(fixture, lease, run)
        }
    }

    private func finishAndCompare(_ fixture: PostgresFixture, _ lease: Lease, _ run: SyncRun) async throws {
        var run = run
        run.status = .completedWithFailures
        run.finishedAt = Date(timeIntervalSince1970: 1_790_000_050.5)
        run.held = [GuardFinding(guard: "max_removals", limit: "25%", observed: "40%")]
        run.error = RunError(code: "c", message: "m", hint: "h")
        run.requests = RequestCounts(sent: 2, retried: 1, rateLimited: 1)
        let reason = FailureReason(code: "cancelled", reason: "It was cancelled.")
        try await fixture.warehouse.finishRun(lease, run, reason: reason, log: LogSettings())
        #expect(try await fixture.warehouse.run(id: run.id) == run)
        #expect(try await fixture.warehouse.runs(RunFilter(sync: "vip", status: .completedWithFailures)) == [run])
    }

    @Test func anInterruptedRunIsClosedBalanced() async throws {
        try await withDatabase { fixture in
            let warehouse = fixture.warehouse
            _ = try await warehouse.migrate()
            let first = try await warehouse.lease()
            var run = newRun()
            try await warehouse.openRun(first, run)
            run.counts.planned = PerOperation(subscribe: 3, unsubscribe: 1)
            let changes = [
                change(1, "a@example.com"), change(2, "b@example.com", .unsubscribe), change(3, "c@example.com"),
                change(4, "d@example.com", kind: .parked),
            ]
            try await warehouse.stage(first, run, plan: ListPlan(changes), log: LogSettings())
            try await warehouse.claim(first, run: run.id, through: 2)
            let lease = try await warehouse.lease()
            let recovered = try await warehouse.recoverRuns(lease, settleSeconds: 60, log: LogSettings())
            #expect(recovered.map(\.status) == [.interrupted])
            #expect(recovered[0].counts.unknown.total == 2 && recovered[0].counts.notAttempted.total == 2)
            #expect(recovered[0].counts.balances)
            #expect(
                try await warehouse.memberCounts(sync: "vip", of: .list(7)) == [.subscribing: 1, .unsubscribing: 1])
            #expect(try await fixture.query("SELECT 1 FROM rollcall.sync_changes").isEmpty)
            #expect(try await warehouse.recoverRuns(lease, settleSeconds: 60, log: LogSettings()).isEmpty)
            try await warehouse.openRun(lease, newRun())
            #expect(await warehouseFailure { try await warehouse.openRun(lease, newRun()) }?.kind == .conflict)
        }
    }

    @Test func supersededEntriesGoWithTheirParentAndTheGenerationChanges() async throws {
        try await withDatabase { fixture in
            let warehouse = fixture.warehouse
            _ = try await warehouse.migrate()
            let lease = try await warehouse.lease()
            var generations: [String?] = []
            for changes in [
                [change(1, "old@example.com")],
                [change(1, "new@example.com"), change(2, "old@example.com", kind: .supersede, parent: 1)],
            ] {
                var run = newRun()
                try await warehouse.openRun(lease, run)
                run.counts.planned.subscribe = 1
                try await warehouse.stage(lease, run, plan: ListPlan(changes), log: LogSettings())
                run.counts.succeeded.subscribe = 1
                let outcome = BatchOutcome(sequences: 1...1, operation: .subscribe, httpStatus: 200, attempts: 1)
                try await warehouse.acknowledge(lease, run, outcomes: [outcome], log: LogSettings())
                run.status = .succeeded
                try await warehouse.finishRun(
                    lease, run, reason: FailureReason(code: "x", reason: "x"), log: LogSettings())
                generations.append(try await fixture.query("SELECT generation FROM rollcall.sync_state")[0][0])
            }
            #expect(Set(generations).count == 2 && !generations.contains("0"))
            #expect(try await fixture.query("SELECT email FROM rollcall.list_members") == [["new@example.com"]])
            let snapshot = Collector<MemberState>()
            try await warehouse.readSnapshot(sync: "vip", of: .list(7)) { _, state, listed in
                if listed { snapshot.add(state) }
            }
            #expect(snapshot.all == [.subscribed])
        }
    }
}
