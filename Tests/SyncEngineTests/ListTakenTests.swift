import Foundation
import RollcallCore
import SyncEngine
import Synchronization
import TestSupport
import Testing
import Warehouse

/// One list, one sync: whoever comes second is refused before anything is sent.
@Suite struct ListTakenTests {
    /// A second sync, `news`, of other people, that names the list by its id.
    @Sendable private static func news(_ sync: inout SyncSettings) {
        sync.name = "news"
        sync.target = .list(.id(1))
        sync.audience = .query("SELECT 'n' || email AS email, NULL AS user_id FROM people", file: nil)
    }

    private static func settings(_ name: String, _ list: ListTarget, warehouse: String = "shop") -> SyncSettings {
        SyncSettings(
            name: name, warehouse: warehouse, destination: "marketing", audience: .table(["people"]), list: list)
    }

    private func run(_ pipeline: SyncPipeline, _ request: RunRequest = RunRequest()) async throws -> SyncRun {
        let outcome = await pipeline.run(request)
        guard case .ran(let run) = outcome else { throw RunError(code: "test", message: "\(outcome)") }
        #expect(run.counts.balances)
        return run
    }

    private func error(_ body: () async throws -> Void) async -> RunError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? RunError
        }
    }

    private func abandon(_ bench: Bench, _ sync: String, list: Int64? = nil) async throws -> Abandonment {
        let outcome = try await Abandoning(sync: sync, warehouse: bench.fixture.warehouse, clock: bench.clock)
            .carryOut(list: list)
        guard case .done(let abandonment) = outcome else { throw RunError(code: "test", message: "\(outcome)") }
        return abandonment
    }

    // MARK: Two syncs of one state

    @Test func aSecondSyncIsRefusedBeforeAnythingIsSent() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        try await bench.run()
        let second = try await run(bench.pipeline(change: Self.news))
        #expect(second.status == .failed && second.error?.code == "list_taken")
        #expect(second.error?.message.contains("vip") == true, "it names the other sync")
        #expect(second.error?.hint?.contains("rollcall abandon vip") == true)
        #expect(second.listID == 1 && second.requests.sent == 0)
        #expect(bench.iterable.requests.count == 1)
        #expect(bench.iterable.members() == listed(addresses(1...3)))

        try await bench.setAudience(addresses(2...4))
        #expect(try await bench.run().status == .succeeded, "the first one goes on")
        #expect(bench.iterable.members() == listed(addresses(2...4)))
    }

    @Test func planCheckAndWhySayItToo() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        try await bench.run()
        let pipeline = bench.pipeline(change: Self.news)
        #expect(await error { _ = try await pipeline.plan() }?.code == "list_taken")
        #expect(await error { _ = try await pipeline.describeTarget() }?.code == "list_taken")
        let why = try await pipeline.why("np1@example.com")
        #expect(why.refusal?.code == "list_taken" && why.changes.isEmpty && why.rows.count == 1)
        #expect(why.nextStep.contains("refused"))
        #expect(try await bench.fixture.warehouse.listBinding(sync: "news") == nil, "they write nothing")
        #expect(try await bench.pipeline().describeTarget() == "1 \"VIP\"")
    }

    @Test func whatANeverOwningSyncLeftBehindIsNoClaim() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        bench.iterable.setFate { _, _ in .answer(.stop(RunError(code: "api_key_refused", message: "no"))) }
        #expect(try await bench.run().status == .failed)
        bench.iterable.setFate { _, _ in .ok }
        #expect(try await run(bench.pipeline(change: Self.news)).status == .succeeded)
        let refused = try await bench.run()
        #expect(refused.error?.code == "list_taken" && refused.error?.message.contains("news") == true)
    }

    @Test func aHeldRunHoldsTheListToo() async throws {
        let bench = try await Bench { sync, _ in sync.guards.allowEmpty = false }
        try await bench.setAudience([])
        let held = try await bench.run()
        #expect(held.status == .held)
        try await bench.setAudience(addresses(1...3))
        let refused = try await run(bench.pipeline(change: Self.news))
        #expect(refused.error?.code == "list_taken" && refused.error?.message.contains(held.id) == true)
        var discard = RunRequest()
        discard.kind = .discard(runID: held.id)
        _ = try await bench.run(discard)
        #expect(try await run(bench.pipeline(change: Self.news)).status == .succeeded)
    }

    @Test func aHeldRunIsNotApprovedOntoAListThatIsTaken() async throws {
        let bench = try await Bench { sync, _ in sync.guards.allowEmpty = false }
        try await bench.setAudience(addresses(1...3))
        _ = try await run(bench.pipeline(change: Self.news))
        // As an earlier version left it: held for a list that another sync keeps.
        try await bench.fixture.execute("UPDATE \(bench.fixture.state("list_members")) SET list_id = 7")
        try await bench.fixture.execute("UPDATE \(bench.fixture.state("sync_state")) SET list_id = 7")
        try await bench.setAudience([])
        let held = try await bench.run()
        #expect(held.status == .held)
        try await bench.fixture.execute("UPDATE \(bench.fixture.state("list_members")) SET list_id = 1")
        var approve = RunRequest()
        approve.kind = .approve(runID: held.id)
        let requests = bench.iterable.requests.count
        #expect(try await bench.run(approve).error?.code == "list_taken")
        #expect(bench.iterable.requests.count == requests)
    }

    @Test func twoThatAreToMakeOneListMakeOne() async throws {
        let bench = try await Bench(list: nil) { sync, _ in sync.guards.allowEmpty = false }
        try await bench.setAudience([])
        #expect(try await bench.run().status == .held, "the list is still to be made")
        try await bench.setAudience(addresses(1...3))
        let second = try await run(bench.pipeline { $0.name = "news" })
        #expect(second.error?.code == "list_taken")
        #expect(bench.iterable.creations == 0)
    }

    @Test func aRequestThatMayStillLandHoldsTheList() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        try await bench.run()
        try await bench.fixture.execute(
            """
            INSERT INTO \(bench.fixture.state("settling_requests")) (sync_name, list_id, email, operation, settles_at)
            VALUES ('vip', 1, 'p1@example.com', 'unsubscribe', '2999-01-01T00:00:00.000Z')
            """)
        try await bench.fixture.execute("DELETE FROM \(bench.fixture.state("list_members"))")
        let refused = try await run(bench.pipeline(change: Self.news))
        #expect(refused.error?.code == "list_taken" && refused.error?.message.contains("2999-01-01") == true)
    }

    // MARK: Syncs of one configuration

    @Test(arguments: [
        (ListTarget.name("VIP", description: nil), ListTarget.id(1)), (.id(1), .name("VIP", description: "people")),
        (.id(1), .id(1)), (.name("VIP", description: nil), .name("VIP", description: nil)),
    ]) func neighboursOfOneConfigurationAreRefusedWithoutAnyRun(_ own: ListTarget, _ other: ListTarget) async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        // In a warehouse of which this state knows nothing.
        let pipeline = bench.pipeline(
            neighbours: [Self.settings("free", .id(2)), Self.settings("news", other, warehouse: "elsewhere")]
        ) { $0.target = .list(own) }
        let refused = try await run(pipeline)
        #expect(refused.error?.code == "list_taken" && refused.error?.message.contains("news of") == true)
        #expect(refused.error?.message.contains("free") == false)
        #expect(await error { _ = try await pipeline.plan() }?.code == "list_taken")
        #expect(await error { _ = try await pipeline.describeTarget() }?.code == "list_taken")
        #expect(bench.iterable.requests.isEmpty)
    }

    @Test func neighboursWithOtherListsAreFine() async throws {
        let bench = try await Bench()
        bench.iterable.addList(RemoteList(id: 2, name: "News", listType: "Standard"))
        bench.iterable.addList(RemoteList(id: 3, name: "VIP\u{301}", listType: "Standard"))
        try await bench.setAudience(addresses(1...3))
        let others: [ListTarget] = [
            .id(2), .name("News", description: nil), .name("VIP\u{301}", description: nil),
            .name("Not made yet", description: nil),
        ]
        let neighbours = others.enumerated().map { Self.settings("other\($0.offset)", $0.element) }
        #expect(try await run(bench.pipeline(neighbours: neighbours)).status == .succeeded)
    }

    @Test func aNeighbourThatIsToMakeTheSameListIsRefused() async throws {
        let bench = try await Bench(list: nil)
        try await bench.setAudience(addresses(1...3))
        let neighbours = [Self.settings("news", .name("VIP", description: nil))]
        #expect(try await run(bench.pipeline(neighbours: neighbours)).error?.code == "list_taken")
        #expect(bench.iterable.creations == 0)
    }

    @Test func neighboursAreThoseOfTheSameProject() {
        func destination(_ name: String, _ key: String, _ url: String) -> DestinationSettings {
            DestinationSettings(name: name, apiKey: Secret(key), projectType: .email, baseURL: url)
        }
        let all = [
            destination("marketing", "k", DataCenter.us.baseURL), destination("same", "k", DataCenter.us.baseURL),
            destination("eu", "k", DataCenter.eu.baseURL), destination("other", "l", DataCenter.us.baseURL),
        ]
        let syncs = all.map { destination in
            var sync = Self.settings("to \(destination.name)", .id(1), warehouse: destination.name)
            sync.destination = destination.name
            sync.enabled = false
            return sync
        }
        let found = syncs[0].neighbours(among: syncs) { name in all.first { $0.name == name } }
        #expect(found.map(\.name) == ["to same"])
        #expect(syncs[2].neighbours(among: syncs) { name in all.first { $0.name == name } }.isEmpty)
    }

    // MARK: Projects

    /// `vip` keeps list 1 in the project of key "a" at this address.
    private func benchWithProject() async throws -> Bench {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        let first = bench.pipeline(destination: { ($0.baseURL, $0.keyHash) = ("https://one", "a") })
        #expect(try await run(first).status == .succeeded)
        return bench
    }

    @Test(arguments: [
        ("marketing", "https://one", "a", true), ("sales", "https://one", "a", true),
        ("marketing", "https://one", "b", true), ("sales", "https://one", "b", false),
        ("sales", "https://two", "a", false), ("marketing", "https://two", "a", false),
    ]) func oneListIsOneAddressOneKeyAndOneNumber(
        _ name: String, _ url: String, _ key: String, _ isTaken: Bool
    ) async throws {
        let bench = try await benchWithProject()
        let second = bench.pipeline(
            change: { sync in
                Self.news(&sync)
                sync.destination = name
            }, destination: { ($0.name, $0.baseURL, $0.keyHash) = (name, url, key) })
        #expect(try await run(second).error?.code == (isTaken ? "list_taken" : nil))
    }

    @Test func aKeyThatIsReplacedKeepsTheMembers() async throws {
        let bench = try await benchWithProject()
        let second = bench.pipeline(destination: { ($0.baseURL, $0.keyHash) = ("https://one", "b") })
        let again = try await run(second)
        #expect(again.status == .succeeded && again.counts.unchanged == 3)
        let project = try await bench.fixture.warehouse.listBinding(sync: "vip")?.project
        #expect(project == ListProject(baseURL: "https://one", keyHash: "b"))
    }

    // MARK: States that have the conflict already

    /// Both syncs have members on list 1, as an earlier version let them; of which projects is not known.
    private func conflict() async throws -> Bench {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        try await bench.run()
        let members = bench.fixture.state("list_members")
        let state = bench.fixture.state("sync_state")
        try await bench.fixture.execute("UPDATE \(members) SET list_id = 9; UPDATE \(state) SET list_id = 9")
        #expect(try await run(bench.pipeline(change: Self.news)).status == .succeeded)
        try await bench.fixture.execute("UPDATE \(members) SET list_id = 1")
        try await bench.fixture.execute("UPDATE \(state) SET list_id = 1, base_url = NULL, key_hash = NULL")
        return bench
    }

    @Test func bothAreRefusedUntilOneLetsGo() async throws {
        let bench = try await conflict()
        let requests = bench.iterable.requests.count
        let first = try await run(bench.pipeline())
        #expect(first.error?.code == "list_taken" && first.error?.hint?.contains("rollcall abandon news") == true)
        let second = try await run(bench.pipeline(change: Self.news))
        #expect(second.error?.code == "list_taken" && second.error?.hint?.contains("rollcall abandon vip") == true)
        #expect(bench.iterable.requests.count == requests)

        let members = bench.iterable.members()
        #expect(try await abandon(bench, "news").lists == [.init(listID: 1, members: 3)])
        #expect(bench.iterable.members() == members, "they stay on the list")
        #expect(bench.iterable.requests.count == requests)
        #expect(try await bench.run().counts.unchanged == 3)
        #expect(try await run(bench.pipeline(change: Self.news)).error?.code == "list_taken")
        // Those of `news` are nobody's now: `vip` removes only its own.
        try await bench.setAudience(addresses(2...3))
        var force = RunRequest()
        force.forceNew = true
        try await bench.run(force)
        #expect(bench.iterable.members() == members.subtracting(listed(["p1@example.com"])))
    }

    @Test func listsOfOneNumberInTwoProjectsAreToldApartByTheNextRuns() async throws {
        let bench = try await conflict()
        let first = { bench.pipeline(destination: { ($0.baseURL, $0.keyHash) = ("https://one", "a") }) }
        let second = {
            bench.pipeline(
                change: { sync in
                    Self.news(&sync)
                    sync.destination = "sales"
                }, destination: { ($0.name, $0.baseURL, $0.keyHash) = ("sales", "https://one", "b") })
        }
        let refused = try await run(first())
        #expect(refused.error?.code == "list_taken" && refused.error?.hint?.contains("run it once") == true)
        #expect(try await run(second()).status == .succeeded, "by now both projects are noted")
        #expect(try await run(first()).status == .succeeded)
    }

    // MARK: Lists that a sync had before

    @Test func membersOnAnEarlierListCount() async throws {
        let bench = try await Bench()
        bench.iterable.addList(RemoteList(id: 2, name: "Other", listType: "Standard"))
        try await bench.setAudience(addresses(1...3))
        try await bench.run()
        let moved: @Sendable (inout SyncSettings) -> Void = { $0.target = .list(.id(2)) }
        #expect(try await run(bench.pipeline(change: moved)).status == .succeeded)
        let refused = try await run(bench.pipeline(change: Self.news))
        #expect(refused.error?.code == "list_taken")
        #expect(refused.error?.hint?.contains("`rollcall abandon vip --list 1`") == true, "\(refused)")

        #expect(try await abandon(bench, "vip", list: 1).lists == [.init(listID: 1, members: 3)])
        #expect(try await run(bench.pipeline(change: Self.news)).status == .succeeded)
        let still = try await run(bench.pipeline(change: moved))
        #expect(still.status == .succeeded && still.counts.unchanged == 3, "its present list is as it was")
        #expect(try await run(bench.pipeline()).error?.code == "list_taken", "there is no way back")
    }

    // MARK: Letting go

    @Test func abandoningWaitsForARunInProgress() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        let other = try bench.fixture.second()
        let seen = Mutex("")
        bench.iterable.setFate { _, _ in
            let abandoning = Abandoning(sync: "vip", warehouse: other, clock: bench.clock)
            if case .busy(let error) = try? await abandoning.carryOut() { seen.withLock { $0 = error.code } }
            return .ok
        }
        #expect(try await bench.run().status == .succeeded)
        #expect(seen.withLock { $0 } == "busy")
        #expect(try await bench.snapshot().count == 3)
        await other.close()
    }

    @Test func abandoningClosesTheRunOfADeadProcessAndWaitsForItsRequests() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        // The process dies when its outcomes are to be recorded.
        let failing = FailingWarehouse(bench.fixture.warehouse, onAcknowledge: { _ in })
        bench.iterable.setFate { _, _ in
            failing.goAway()
            return .ok
        }
        _ = await bench.pipeline(warehouse: failing).run(RunRequest())
        try await bench.fixture.execute(
            "UPDATE \(bench.fixture.state("sync_leases")) SET expires_at = '2000-01-01T00:00:00.000Z'")
        let abandoning = Abandoning(sync: "vip", warehouse: bench.fixture.warehouse, clock: bench.clock)
        guard case .busy(let error) = try await abandoning.carryOut() else {
            Issue.record("a lost request may still land")
            return
        }
        #expect(error.code == "requests_settling")
        #expect(try await bench.fixture.warehouse.runs(RunFilter()).map(\.status) == [.interrupted])
        #expect(try await bench.snapshot().count == 3)
        try await bench.fixture.execute(
            "UPDATE \(bench.fixture.state("settling_requests")) SET settles_at = '2000-01-01T00:00:00.000Z'")
        #expect(try await abandon(bench, "vip").members == 3)
        #expect(try await bench.snapshot().isEmpty)
        #expect(try await bench.fixture.query("SELECT 1 FROM \(bench.fixture.state("settling_requests"))").isEmpty)
    }

    @Test func afterLettingGoASyncBeginsAgain() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        try await bench.run()
        let abandoning = Abandoning(sync: "vip", warehouse: bench.fixture.warehouse, clock: bench.clock)
        #expect(try await abandoning.isKnown())
        #expect(try await !Abandoning(sync: "vipp", warehouse: bench.fixture.warehouse).isKnown())
        _ = try await abandon(bench, "vip")
        #expect(try await abandoning.isKnown(), "its runs stay")
        try await bench.setAudience(addresses(2...3))
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation(subscribe: 2, unsubscribe: 0))
        #expect(bench.iterable.members() == listed(addresses(1...3)))
    }
}
