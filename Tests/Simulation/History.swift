import Foundation
import RollcallCore
import SyncEngine
import TemporaryFolders
import Warehouse

/// What became of one history.
package struct Report: Sendable {
    package var seed: UInt64
    /// What must never happen and did; empty when all is well.
    package var violations: [String]
    /// Equal for every run of one seed.
    package var trace: UInt64
    package var steps: Int
    /// Simulated time in seconds.
    package var seconds: Double
    /// Runs of the sync.
    package var runs: Int
    package var requests: Int
    /// Faults met, crashes, states and error codes that were seen.
    package var seen: Set<String>
    /// Calls that met a fault, in order.
    package var faultsAt: [String]
    /// What happened, in words, if asked for.
    package var story: [String]
}

/// One scenario as it happens: the engine's own code on simulated surroundings, then a quiet phase that must put
/// everything right.
final class History: @unchecked Sendable {
    let scenario: Scenario
    let world: World
    /// What is outside of every process: the operator, the warehouse's own work.
    let kernel: World.Process
    let store: MemoryWarehouse
    let iterable: SimulatedIterable
    let oracle: Oracle
    let listFields: ListFieldOracle
    let limits: SharedLimitOracle
    let catalog: SimulatedCatalog
    let goods: CatalogOracle
    var products = Products()
    let profiles: SimulatedProfiles
    let clients: ProfileOracle
    var customers: Customers
    /// How often the customers' rows have changed.
    var customersTick = 0
    let events: SimulatedEvents
    let tracks: EventOracle
    var visits: Visits
    let faults: FaultPlan
    var storeIsDownUntil = Duration.zero
    var storeIsFullUntil = Duration.zero
    /// A transaction whose commit is on its way holds the lease's row.
    var rowIsLockedUntil = Duration.milliseconds(-1)
    var requests = 0
    var people: People
    var quietRuns = 0
    var gone: Set<String> = []
    private var runs = 0
    private var isOver = false
    var isQuiet = false
    /// Of the scenario, that which goes on.
    private var round = 0
    let list: Int64?

    /// In some histories every process keeps the snapshot in one folder, in some each has its own, in most there is none. It
    /// survives the process.
    private let cacheFolder: String?
    private let sharesCache: Bool

    static let listName = "VIP"
    static let beginning = Date(timeIntervalSince1970: 1_800_000_000)

    /// True time.
    var wallTime: Date {
        let now = world.now.components
        return History.beginning.addingTimeInterval(Double(now.seconds) + Double(now.attoseconds) * 1e-18)
    }

    init(_ scenario: Scenario, tellsStory: Bool = false) {
        self.scenario = scenario
        let world = World(seed: scenario.seed, isOrderly: scenario.isOrderly, tellsStory: tellsStory)
        self.world = world
        kernel = World.Process(world, "operator")
        iterable = SimulatedIterable(scenario, world)
        faults = FaultPlan(scenario)
        people = People(scenario)
        customers = Customers(scenario)
        visits = Visits(scenario)
        // The warehouse's clock is not that of any process.
        store = MemoryWarehouse { [world] in
            let now = world.now.components
            return History.beginning.addingTimeInterval(37 + Double(now.seconds) + Double(now.attoseconds) * 1e-18)
        }
        store.sabotage = scenario.sabotage
        oracle = Oracle(scenario, world, iterable, store)
        listFields = ListFieldOracle(oracle, scenario, iterable, store)
        limits = SharedLimitOracle(oracle, scenario, store)
        catalog = SimulatedCatalog(scenario, world)
        goods = CatalogOracle(oracle, world, scenario, catalog, store)
        profiles = SimulatedProfiles(scenario, world)
        clients = ProfileOracle(oracle, world, scenario, profiles, store)
        events = SimulatedEvents(scenario, world, profiles)
        tracks = EventOracle(oracle, world, scenario, events, clients, store)
        store.givesMoreRows = scenario.tracks?.givesMoreRows ?? false
        var dice = Dice(scenario.seed, "cache")
        // Rows are grouped only for who has a cache.
        let hasCache = dice.chance(40) || scenario.reading != .all || scenario.recordReading != .all
        cacheFolder = hasCache ? (try? TemporaryFolders.path("history"))?.path : nil
        sharesCache = dice.chance(60)
        list = scenario.list == .absent ? nil : iterable.addList(History.listName)
        iterable.moved = { [store, oracle] address, userID in
            let list = store.state.bindings["vip"]?.listID ?? 0
            let known = (store.state.members[.init(sync: "vip", entries: .list(list))] ?? [:]).values.contains {
                entry in
                entry.member.identity == Identity(email: address, userID: userID)
            }
            if !known { oracle.hasLostItsProfile(address) }
        }
        iterable.strayed = { [oracle] in oracle.hasLostItsProfile($0) }
        iterable.overwritten = { [unowned listFields] in listFields.hasOverwritten($0, $1, $2) }
    }

    static func play(_ scenario: Scenario, tellsStory: Bool = false) -> Report {
        History(scenario, tellsStory: tellsStory).play()
    }

    func play() -> Report {
        defer { if let cacheFolder { try? FileManager.default.removeItem(atPath: cacheFolder) } }
        Task(executorPreference: kernel) { await self.happen() }
        // A request that waits for a turn looks again five times a second.
        if !world.run(budget: scenario.sharing == nil ? 200_000 : 2_000_000) {
            oracle.violated("something runs in circles")
        } else if !isOver {
            oracle.violated("something waits for ever")
        }
        return report
    }

    private var report: Report {
        Report(
            seed: scenario.seed, violations: oracle.violations, trace: world.trace ^ UInt64(world.steps),
            steps: world.steps, seconds: Double(world.now.components.seconds), runs: runs, requests: requests,
            seen: oracle.seen, faultsAt: faults.met.map(\.key), story: world.story)
    }

    /// Whether a holder's process has ended, as far as another one on its machine can tell.
    func isGone(_ holder: String) -> Bool { scenario.sameMachine && gone.contains(holder) }

    func noteConflicts(_ request: SimulatedIterable.Request, _ failures: [Int: String]) {
        for (position, failure) in failures where failure == "conflict" {
            let subscriber = request.subscribers[position]
            oracle.conflicts.formUnion([subscriber.email, subscriber.userID].compactMap(\.self))
        }
    }

    // MARK: What happens

    private func happen() async {
        addForeigners()
        startNeighbours()
        for (number, round) in scenario.rounds.enumerated() {
            self.round = number
            for move in round.moves { people.move(move) }
            let goods = scenario.goods.flatMap { $0.rounds.indices.contains(number) ? $0.rounds[number] : nil }
            for move in goods?.moves ?? [] { products.move(move) }
            store.products = products.rows
            if let meddling = goods?.meddling { meddleWithCatalog(meddling) }
            let clients = change(customersIn: number)
            let tracks = change(visitsIn: number)
            store.audience = people.rows
            world.note(nil, "the audience is \(people.rows.map { Oracle.names($0).joined(separator: "/") })")
            if let meddling = round.meddling { meddle(meddling) }
            await start([
                ("vip", round.runners), ("goods", goods?.runners ?? []), ("clients", clients?.runners ?? []),
                ("tracks", tracks?.runners ?? []),
            ])
            await world.pass(round.wait)
        }
        await comeToRest()
        isOver = true
    }

    private func addForeigners() {
        guard let list else { return }
        for number in 0..<scenario.foreigners {
            // The first is somebody of the audience, the others nobody knows.
            let email = number == 0 ? People.email(0) : "foreign\(number)@example.com"
            let userID = number == 0 ? People.userID(0) : "F\(number)"
            var profile = SimulatedIterable.Profile(lists: [list], isForeign: true)
            if scenario.type != .userID { profile.email = email }
            if scenario.type != .email { profile.userID = userID }
            iterable.addForeigner(profile)
        }
    }

    private func meddle(_ meddling: Scenario.Meddling) {
        oracle.saw("somebody deleted the list")
        world.note(nil, "somebody deletes the list")
        let wasThere = iterable.deleteLists(History.listName)
        oracle.hasLostItsList()
        if wasThere && meddling == .recreateList { _ = iterable.addList(History.listName) }
    }

    private func meddleWithCatalog(_ meddling: Scenario.Meddling) {
        oracle.saw("the catalog was deleted")
        world.note(nil, "the catalog is deleted")
        let wasThere = catalog.isThere
        catalog.delete()
        goods.hasLostItsCatalog()
        if wasThere && meddling == .recreateList { _ = catalog.create() }
    }

    private func start(_ syncs: [(sync: String, runners: [Scenario.Runner])]) async {
        await withTaskGroup(of: Void.self) { group in
            for (sync, runners) in syncs {
                for runner in runners {
                    let node = Node(self, runner, sync: sync)
                    group.addTask(executorPreference: node.process) { await self.live(node, runner) }
                }
            }
        }
        if syncs.contains(where: { $0.runners.count > 1 }) { oracle.saw("several processes at once") }
    }

    /// Whether members of the list are sent with fields now.
    private var sendsFields: Bool { scenario.listFields.map { isQuiet || round >= $0.begins } ?? false }

    /// The life of one process.
    private func live(_ node: Node, _ runner: Scenario.Runner) async {
        try? await world.sleep(runner.delay)
        if let stop = runner.stop {
            world.after(stop.after) { [self] in
                if node.process.isDead || node.hasEnded { return }
                world.note(node.process, "is asked to stop")
                oracle.saw(stop.cancels ? "a run was cancelled" : "a process was told to end")
                node.stop.request(stop.cancels ? .cancelled : .interrupted)
            }
        }
        if runner.plansFirst { await plan(node) }
        var request = RunRequest()
        request.full = runner.full
        request.retryRejected = runner.retryRejected
        if node.sync == "tracks" { sendEarlierEvents(node, &request) }
        let held: SyncRun?
        if let looks = runner.looks {
            node.backfills = false
            held = await stream(node, looks: looks)
        } else {
            held = heldRun(await run(node, request))
        }
        if let held, !node.process.isDead { await decide(held, node, runner.whenHeld) }
        node.hasEnded = true
        gone.insert(node.name)
    }

    private func plan(_ node: Node) async {
        let before = (node.writes, node.requests)
        _ = try? await pipeline(node).plan()
        if node.writes != before.0 || node.requests != before.1 { oracle.violated("plan wrote something") }
        oracle.saw("a plan was made")
    }

    private func decide(_ held: SyncRun, _ node: Node, _ decision: Scenario.WhenHeld) async {
        var request = RunRequest()
        switch decision {
        case .leave: return
        case .approve: request.kind = .approve(runID: held.id)
        case .discard: request.kind = .discard(runID: held.id)
        case .force:
            request.forceNew = true
            node.backfills = false
        }
        oracle.saw("held, then \(decision)")
        _ = await run(node, request)
    }

    private func heldRun(_ outcome: RunOutcome) -> SyncRun? {
        switch outcome {
        case .ran(let run) where run.status == .held: run
        case .alreadyHeld(let run): run
        default: nil
        }
    }

    @discardableResult
    func run(_ node: Node, _ request: RunRequest) async -> RunOutcome {
        runs += 1
        let outcome = await pipeline(node).run(request)
        if node.process.isDead { return outcome }
        oracle.hasRun(node)
        let kind: RunKind =
            switch outcome {
            case .ran(let run): .ran(run)
            case .alreadyHeld: .held
            case .busy: .busy
            case .failed(let error, _): .failed(error.code)
            }
        if case .ran(let run) = outcome { judge(run) }
        noteEnd(node, kind)
        return outcome
    }

    private func noteEnd(_ node: Node, _ kind: RunKind) {
        world.note(node.process, "run ends: \(kind.name)")
        oracle.hasEnded(kind)
        goods.hasEnded()
        clients.hasEnded()
        tracks.hasEnded()
    }

    /// A row of a stream has ended.
    func hasStreamed(_ node: Node, _ run: SyncRun) {
        runs += 1
        oracle.hasRun(node)
        judge(run)
        noteEnd(node, .ran(run))
    }

    /// What a run says of itself is what stands in the warehouse.
    private func judge(_ run: SyncRun) {
        if !run.counts.balances { oracle.violated("a run does not balance: \(run)") }
        // A process that lost its warehouse can only say what it knows.
        if run.status == .interrupted && run.error != nil { return }
        guard let stored = store.state.run(run.id), stored.status == run.status else { return }
        if stored.counts != run.counts {
            oracle.violated("run \(run.id) says \(run.counts.short), stored is \(stored.counts.short)")
        }
    }

    private func cache(_ node: Node) -> SnapshotCache? {
        guard let cacheFolder else { return nil }
        let machine = sharesCache ? 0 : node.runner.number % 2
        return SnapshotCache(folder: "\(cacheFolder)/\(machine)", leastMembers: 1)
    }

    func pipeline(_ node: Node) -> SyncPipeline {
        if node.sync == "goods", let goods = scenario.goods {
            return pipeline(node, scenario.sync(goods, guarded: !isQuiet))
        }
        if node.sync == "clients", let clients = scenario.clients {
            return pipeline(node, scenario.sync(clients, guarded: !isQuiet))
        }
        if node.sync == "tracks", let tracks = scenario.tracks {
            return pipeline(node, scenario.sync(tracks, guarded: !isQuiet))
        }
        var sync = scenario.sync(list, guarded: !isQuiet)
        node.sendsFields = sendsFields
        if sendsFields { sync.memberFields = scenario.listFields?.settings }
        return pipeline(node, sync)
    }

    /// Of another sync that names the list by its id.
    func rival(_ node: Node, list: Int64) -> SyncPipeline {
        var sync = scenario.sync(list, guarded: false)
        (sync.name, sync.target) = ("rival", .list(.id(list)))
        return pipeline(node, sync)
    }

    private func pipeline(_ node: Node, _ sync: SyncSettings) -> SyncPipeline {
        let clock = NodeClock(node: node)
        let settings = scenario.destination
        let warehouse = SimulatedWarehouse(store, node)
        return SyncPipeline(
            sync: sync, destinationSettings: settings, warehouse: warehouse,
            destination: SimulatedDestination(iterable, node),
            limiters: RateLimiterPool(clock: clock), clock: clock, stop: node.stop, holder: node.holder,
            cache: cache(node), sharedLimits: sharedLimits(warehouse),
            progress: { [self] progress in
                if case .waiting = progress { oracle.saw("a change waited for a lost request") }
            })
    }
}
