import Foundation
import RollcallCore
import SyncEngine
import Synchronization
import TemporaryFolders
import TestSupport
import Testing
import Warehouse

/// Runs on demand, decisions about held runs, reports, reload and stop.
@Suite(.timeLimit(.minutes(10))) struct ServiceTests {
    private func failure(_ body: () async throws -> Void) async -> ServiceError? {
        do { try await body() } catch { return error as? ServiceError }
        return nil
    }

    @Test func aRunIsStartedAndFollowed() async throws {
        try await ServiceBench.with { bench in
            let gate = Gate()
            bench.iterable.setFate { _, _ in
                await gate.pass()
                return .ok
            }
            try await bench.serving(bench.setup([bench.sync()])) { service in
                let events = service.events()
                var request = RunRequest()
                request.trigger = .api
                let run = try await service.start("vip", request)
                #expect(run.status == .running && run.trigger == .api)
                let live = try #require(await service.liveRuns().first)
                #expect(live.runID == run.id && live.sync == "vip")
                let status = try await service.status(of: "vip")
                #expect(status.isRunning && status.live?.runID == run.id && status.latestRun?.id == run.id)
                let busy = await failure { _ = try await service.start("vip") }
                #expect(busy?.kind == .busy && busy?.runID == run.id)
                gate.open()
                try await bench.until("the run ends") { await service.liveRuns().isEmpty }
                #expect(try await service.run(run.id).status == .succeeded)
                try await bench.until("members are counted") { try await service.status(of: "vip").members == 3 }
                let metrics = await service.metrics()
                #expect(metrics.runs == [.init(sync: "vip", status: .succeeded): 1])
                #expect(metrics.records[.init(sync: "vip", outcome: "subscribed")] == 3)
                #expect(
                    metrics.requests
                        == [.init(destination: "marketing", operation: .subscribe, answer: "ok"): 1])
                await service.stop(within: .zero)
                var seen: [String] = []
                for await event in events {
                    switch event {
                    case .started(let run): seen.append("started \(run.status.rawValue)")
                    case .ended(let run): seen.append("ended \(run.status.rawValue) \(run.requests.sent)")
                    default: break
                    }
                }
                #expect(seen == ["started running", "ended succeeded 1"])
            }
        }
    }

    @Test func aRunIsCancelledHereAndFromAnotherProcess() async throws {
        try await ServiceBench.with { bench in
            try await bench.enter(addresses(10...40))
            var destination = bench.destination()
            destination.settings.limits.subscribersPerRequest = 1
            destination.settings.limits.concurrentRequests = 1
            let other = try bench.anotherWarehouse()
            for isHere in [true, false] {
                let gate = Gate()
                bench.iterable.setFate { _, _ in
                    await gate.pass()
                    return .ok
                }
                try await bench.serving(bench.setup([bench.sync()], destination: destination)) { service in
                    let elsewhere = SyncService(
                        try bench.setup([bench.sync()], warehouse: other), clock: bench.clock, holder: Holder(text: "b")
                    )
                    let run = try await service.start("vip")
                    try await bench.until("a request is under way") { gate.isMet }
                    _ = try await (isHere ? service : elsewhere).cancel(run.id)
                    if !isHere { try await bench.advance(by: 5, schedulers: 2) }
                    if !isHere {
                        try await bench.until("the scheduler has passed it on") { bench.clock.sleeperCount == 2 }
                    }
                    gate.open()
                    try await bench.until("the run ends") { await service.liveRuns().isEmpty }
                    let ended = try await service.run(run.id)
                    #expect(ended.status == .cancelled && ended.counts.notAttempted.total > 0)
                    #expect(await failure { _ = try await service.cancel(run.id) }?.kind == .notRunning)
                }
            }
            await other.close()
        }
    }

    @Test func aHeldRunIsApprovedOrDiscarded() async throws {
        try await ServiceBench.with { bench in
            let strict = bench.sync { $0.guards.maxRemovals = .count(0) }
            try await bench.serving(bench.setup([strict])) { service in
                _ = try await service.start("vip")
                try await bench.until("the first run ends") { await service.liveRuns().isEmpty }
                for approves in [false, true] {
                    try await bench.fixture.execute("DELETE FROM people WHERE email = 'p1@example.com'")
                    _ = try await service.start("vip")
                    try await bench.until("the run is held") { await service.liveRuns().isEmpty }
                    let held = try #require(try await service.status(of: "vip").heldRun)
                    #expect(try await service.stagedChanges(held.id, limit: 10).map(\.operation) == [.unsubscribe])
                    let again = await failure { _ = try await service.start("vip") }
                    #expect(again?.kind == .alreadyHeld && again?.runID == held.id)
                    #expect(await failure { _ = try await service.cancel(held.id) }?.kind == .notRunning)
                    if approves {
                        #expect(try await service.approve(held.id).id == held.id)
                        try await bench.until("it ends") { await service.liveRuns().isEmpty }
                        #expect(try await service.run(held.id).status == .succeeded)
                        #expect(bench.iterable.members() == listed(addresses(2...3)))
                    } else {
                        #expect(try await service.discard(held.id).status == .cancelled)
                        #expect(bench.iterable.members() == listed(addresses(1...3)))
                    }
                    #expect(await failure { _ = try await service.approve(held.id) }?.kind == .notHeld)
                    #expect(await failure { _ = try await service.discard(held.id) }?.kind == .notHeld)
                }
            }
        }
    }

    /// All who were not the first learn that the run is not held any more, and never that another run is in progress.
    @Test(arguments: [true, false]) func ofSeveralDecisionsAtOnceOneCounts(approves: Bool) async throws {
        try await ServiceBench.with { bench in
            let strict = bench.sync { $0.guards.maxRemovals = .count(0) }
            try await bench.serving(bench.setup([strict])) { service in
                _ = try await service.start("vip")
                try await bench.until("the first run ends") { await service.liveRuns().isEmpty }
                try await bench.fixture.execute("DELETE FROM people WHERE email = 'p1@example.com'")
                _ = try await service.start("vip")
                try await bench.until("the run is held") { await service.liveRuns().isEmpty }
                let id = try #require(try await service.status(of: "vip").heldRun).id
                let refusals = await withTaskGroup(of: ServiceError?.self, returning: [ServiceError].self) { group in
                    for _ in 0..<8 {
                        group.addTask { await Self.refusal(of: id, service, approves: approves) }
                    }
                    var refusals: [ServiceError] = []
                    for await refusal in group { if let refusal { refusals.append(refusal) } }
                    return refusals
                }
                #expect(refusals.count == 7)
                #expect(refusals.allSatisfy { $0.kind == .notHeld && $0.runID == id }, "\(refusals)")
                #expect(refusals.allSatisfy { $0.error.code == "run_not_held" }, "\(refusals)")
                try await bench.until("the run ends") { await service.liveRuns().isEmpty }
                #expect(try await service.run(id).status == (approves ? .succeeded : .cancelled))
            }
        }
    }

    /// nil: the decision was carried out.
    private static func refusal(of id: String, _ service: SyncService, approves: Bool) async -> ServiceError? {
        do throws(ServiceError) {
            if approves {
                _ = try await service.approve(id)
            } else {
                _ = try await service.discard(id)
            }
            return nil
        } catch {
            return error
        }
    }

    @Test func membersAreCountedAgainAfterRunsOfOtherProcesses() async throws {
        try await ServiceBench.with { bench in
            let other = try bench.anotherWarehouse()
            func runElsewhere() async throws {
                try await bench.serving(bench.setup([bench.sync()], warehouse: other), holder: "there 2") { service in
                    let run = try await service.start("vip")
                    try await bench.until("the run elsewhere ends") {
                        let isOver = await service.liveRuns().isEmpty
                        return try await service.run(run.id).status == .succeeded && isOver
                    }
                }
            }
            try await bench.serving(bench.setup([bench.sync()])) { service in
                _ = try await service.start("vip")
                try await bench.until("the run ends") { await service.liveRuns().isEmpty }
                try await bench.until("members are counted") { try await service.status(of: "vip").members == 3 }
                try await bench.until("the scheduler's first look has ended") { bench.clock.sleeperCount > 0 }
                try await bench.enter(addresses(10...11))
                try await runElsewhere()
                #expect(try await service.status(of: "vip").members == 3, "the old number is shown meanwhile")
                try await bench.until("they are counted again") { try await service.status(of: "vip").members == 5 }
                // Metrics too, though the status is not asked for.
                try await bench.enter(addresses(12...13))
                try await runElsewhere()
                #expect(await service.metrics().members["vip"] == 5)
                try await bench.advance(by: 10)
                try await bench.until("the scheduler has seen it") { await service.metrics().members["vip"] == 7 }
            }
            await other.close()
        }
    }

    @Test func whatIsUnknownIsSaidSo() async throws {
        try await ServiceBench.with { bench in
            let id = "01990000-0000-7000-8000-000000000001"
            try await bench.serving(bench.setup([bench.sync()])) { service in
                #expect(await failure { _ = try await service.start("nope") }?.kind == .unknownSync)
                #expect(await failure { _ = try await service.status(of: "nope") }?.kind == .unknownSync)
                #expect(await failure { _ = try await service.setPaused("nope", true) }?.kind == .unknownSync)
                #expect(await failure { _ = try await service.ticks("nope") }?.kind == .unknownSync)
                for unknown in [id, "", "../etc", "a'b"] {
                    let missing = await failure { _ = try await service.run(unknown) }
                    #expect(missing?.kind == .unknownRun && missing?.runID == nil, "no run stands in the way")
                    #expect(await failure { _ = try await service.cancel(unknown) }?.kind == .unknownRun)
                    #expect(await failure { _ = try await service.approve(unknown) }?.kind == .unknownRun)
                }
            }
            let idle = SyncService(try bench.setup([bench.sync()]), clock: bench.clock)
            #expect(await failure { _ = try await idle.start("vip") }?.kind == .stopping)
            await idle.stop()
            var events = 0
            for await _ in idle.events() { events += 1 }
            #expect(events == 0)
        }
    }

    @Test func aWarehouseThatIsAwayKeepsOnlyItsOwnSyncsBack() async throws {
        try await ServiceBench.with { bench in
            let missing = try TemporaryFolders.path("none")
            let away = SQLiteWarehouse(path: missing.path)
            var setup = try bench.setup([bench.sync(), bench.sync("far") { $0.warehouse = "far" }])
            setup.warehouses["far"] = away
            setup.warehouseOrder = ["far", "shop"]
            try await bench.serving(setup) { service in
                try await bench.until("the problem is seen") { await !service.health().problems.isEmpty }
                #expect(await service.health().problems.map(\.subject) == [.warehouse("far")])
                let run = try await service.start("vip")
                try await bench.until("the run ends") { await service.liveRuns().isEmpty }
                let statuses = await service.statuses()
                #expect(statuses.map(\.settings.name) == ["vip", "far"])
                #expect(statuses[0].problem == nil && statuses[1].problem?.code == "warehouse_missing")
                let list = try await service.runs(RunFilter())
                #expect(list.runs.map(\.id) == [run.id] && Array(list.unreachable.keys) == ["far"])
                #expect(await failure { _ = try await service.start("far") }?.kind == .warehouse)
                // It comes back, and is used without anybody's doing.
                try await bench.fixture.execute("VACUUM INTO '\(missing.path)'")
                try await bench.advance(by: 60, schedulers: 2)
                try await bench.until("it is back") { await service.health().problems.isEmpty }
                #expect(try await service.status(of: "far").problem == nil)
            }
            await away.close()
            try? FileManager.default.removeItem(at: missing)
        }
    }

    @Test func stoppingInterruptsWhatRunsAndStartsNothing() async throws {
        try await ServiceBench.with { bench in
            try await bench.enter(addresses(10...20))
            var destination = bench.destination()
            destination.settings.limits.subscribersPerRequest = 1
            destination.settings.limits.concurrentRequests = 1
            let gate = Gate()
            bench.iterable.setFate { _, _ in
                await gate.pass()
                return .ok
            }
            let service = SyncService(
                try bench.setup([bench.sync()], destination: destination), clock: bench.clock,
                holder: Holder(text: "a"))
            let running = Task { await service.run() }
            try await bench.until("it runs") { await service.health().isRunning }
            let run = try await service.start("vip")
            try await bench.until("a request is under way") { !bench.iterable.requests.isEmpty }
            let stopping = Task { await service.stop(within: .seconds(50)) }
            try await bench.until("it stops") { await !service.health().isRunning }
            #expect(await failure { _ = try await service.start("vip") }?.kind == .stopping)
            gate.open()
            await stopping.value
            await running.value
            let ended = try await bench.fixture.warehouse.run(id: run.id)
            #expect(ended?.status == .interrupted)
            #expect(
                ended.map { $0.counts.succeeded.total + $0.counts.unknown.total >= 1 && $0.counts.balances } == true)
        }
    }

    @Test func aReloadLeavesRunsAloneAndClosesWhatIsUsedNoMore() async throws {
        try await ServiceBench.with { bench in
            let gate = Gate()
            bench.iterable.setFate { _, _ in
                await gate.pass()
                return .ok
            }
            let closed = Mutex(0)
            let old = try bench.anotherWarehouse()
            let client = FakeClient(bench.iterable)
            var destination = bench.destination { closed.withLock { $0 += 1 } }
            destination.client = client
            let first = try bench.setup([bench.sync()], warehouse: old, destination: destination)
            try await bench.serving(first) { service in
                let run = try await service.start("vip")
                await service.reload(try bench.setup([bench.sync("other")]))
                #expect(closed.withLock { $0 } == 0, "the run still uses it")
                #expect(try await old.schemaVersion() != nil)
                #expect(await service.statuses().map(\.settings.name) == ["other"])
                #expect(try await service.run(run.id).status == .running)
                gate.open()
                try await bench.until("the run ends") { await service.liveRuns().isEmpty }
                #expect(try await service.run(run.id).status == .succeeded)
                try await bench.until("the client is closed") { closed.withLock { $0 } == 1 }
                try await bench.until("the warehouse is closed") { (try? await old.schemaVersion()) == nil }
            }
            #expect(closed.withLock { $0 } == 1)
        }
    }

    @Test func aRefusedConfigurationIsAProblemUntilItIsMended() async throws {
        try await ServiceBench.with { bench in
            try await bench.serving(bench.setup([bench.sync()])) { service in
                let error = RunError(code: "configuration", message: "line 3")
                await service.noteConfiguration(error)
                #expect(await service.health().problems == [ServiceProblem(subject: .configuration, error: error)])
                await service.reload(try bench.setup([bench.sync()]))
                #expect(await service.health().problems.isEmpty)
            }
        }
    }
}

/// Another object for the same Iterable.
private final class FakeClient: Destination {
    private let inner: FakeIterable

    init(_ inner: FakeIterable) { self.inner = inner }

    var bodyLimits: BodyLimits { inner.bodyLimits }
    func lists() async throws(DestinationError) -> [RemoteList] { try await inner.lists() }
    func createList(
        name: String, description: String?, mayStillSend: @escaping @Sendable () -> Bool
    ) async throws(DestinationError) -> Int64 {
        try await inner.createList(name: name, description: description, mayStillSend: mayStillSend)
    }
    func deliver(
        _ request: DeliveryRequest, mayStillSend: @escaping @Sendable () -> Bool
    ) async -> DeliveryAnswer { await inner.deliver(request, mayStillSend: mayStillSend) }
    func profileFields() async throws(DestinationError) -> [RemoteField] { try await inner.profileFields() }
    func profile(_ name: ProfileName) async throws(DestinationError) -> ProfileFinding {
        try await inner.profile(name)
    }

    func fields(ofCatalog name: String) async throws(DestinationError) -> [RemoteField]? {
        try await inner.fields(ofCatalog: name)
    }
    func createCatalog(_ name: String) async throws(DestinationError) { try await inner.createCatalog(name) }
    func setTypes(_ fields: [RemoteField], ofCatalog name: String) async throws(DestinationError) {
        try await inner.setTypes(fields, ofCatalog: name)
    }
    func look(
        at item: CatalogRequest.Item, ofCatalog name: String, keepsOtherFields: Bool
    ) async throws(DestinationError) -> ItemFinding {
        try await inner.look(at: item, ofCatalog: name, keepsOtherFields: keepsOtherFields)
    }
    func members(
        ofList id: Int64, preferUserID: Bool, _ body: @Sendable (String) -> Void
    ) async throws(DestinationError) {
        try await inner.members(ofList: id, preferUserID: preferUserID, body)
    }
}
