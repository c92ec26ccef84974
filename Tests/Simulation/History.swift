import Foundation
import RollcallCore
import SyncEngine
import Warehouse

/// What became of one history.
public struct Report: Sendable {
    public var seed: UInt64
    /// What must never happen and did; empty when all is well.
    public var violations: [String]
    /// Equal for every run of one seed.
    public var trace: UInt64
    public var steps: Int
    /// Simulated time in seconds.
    public var seconds: Double
    /// Runs of the sync.
    public var runs: Int
    public var requests: Int
    /// Faults met, crashes, states and error codes that were seen.
    public var seen: Set<String>
    /// Calls that met a fault, in order.
    public var faultsAt: [String]
    /// What happened, in words, if asked for.
    public var story: [String]
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
    let faults: FaultPlan
    var storeIsDownUntil = Duration.zero
    var storeIsFullUntil = Duration.zero
    /// A transaction whose commit is on its way holds the lease's row.
    var rowIsLockedUntil = Duration.milliseconds(-1)
    var requests = 0
    private var people: People
    private var quietRuns = 0
    private var gone: Set<String> = []
    private var runs = 0
    private var isOver = false
    private var isQuiet = false
    private let list: Int64?

    static let listName = "VIP"
    private static let beginning = Date(timeIntervalSince1970: 1_800_000_000)

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
        // The warehouse's clock is not that of any process.
        store = MemoryWarehouse { [world] in
            let now = world.now.components
            return History.beginning.addingTimeInterval(37 + Double(now.seconds) + Double(now.attoseconds) * 1e-18)
        }
        store.sabotage = scenario.sabotage
        oracle = Oracle(scenario, world, iterable, store)
        list = scenario.list == .absent ? nil : iterable.addList(History.listName)
        iterable.moved = { [store, oracle] address, userID in
            let list = store.state.bindings["vip"]?.listID ?? 0
            let known = (store.state.members[.init(sync: "vip", list: list)] ?? [:]).values.contains { entry in
                entry.member.identity == Identity(email: address, userID: userID)
            }
            if !known { oracle.hasLostItsProfile(address) }
        }
        iterable.strayed = { [oracle] in oracle.hasLostItsProfile($0) }
    }

    static func play(_ scenario: Scenario, tellsStory: Bool = false) -> Report {
        History(scenario, tellsStory: tellsStory).play()
    }

    func play() -> Report {
        Task(executorPreference: kernel) { await self.happen() }
        if !world.run() {
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
        for round in scenario.rounds {
            for move in round.moves { people.move(move) }
            store.audience = people.rows
            world.note(nil, "the audience is \(people.rows.map { Oracle.names($0).joined(separator: "/") })")
            if let meddling = round.meddling { meddle(meddling) }
            await start(round.runners)
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
        oracle.othersMembersAreSafe = false
        if wasThere && meddling == .recreateList { _ = iterable.addList(History.listName) }
    }

    private func start(_ runners: [Scenario.Runner]) async {
        await withTaskGroup(of: Void.self) { group in
            for runner in runners {
                let node = Node(self, runner)
                group.addTask(executorPreference: node.process) { await self.live(node, runner) }
            }
        }
        if runners.count > 1 { oracle.saw("several processes at once") }
    }

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
        let outcome = await run(node, request)
        if let held = heldRun(outcome), !node.process.isDead { await decide(held, node, runner.whenHeld) }
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
        case .force: request.forceNew = true
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
    private func run(_ node: Node, _ request: RunRequest) async -> RunOutcome {
        runs += 1
        let outcome = await pipeline(node).run(request)
        if node.process.isDead { return outcome }
        let kind: RunKind =
            switch outcome {
            case .ran(let run): .ran(run)
            case .alreadyHeld: .held
            case .busy: .busy
            case .failed(let error): .failed(error.code)
            }
        if case .ran(let run) = outcome { judge(run) }
        world.note(node.process, "run ends: \(kind.name)")
        oracle.hasEnded(kind)
        return outcome
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

    private func pipeline(_ node: Node) -> SyncPipeline {
        let clock = NodeClock(node: node)
        let settings = scenario.destination
        return SyncPipeline(
            sync: scenario.sync(list, guarded: !isQuiet), destinationSettings: settings,
            warehouse: SimulatedWarehouse(store, node), destination: SimulatedDestination(iterable, node),
            limiters: RateLimiterPool(clock: clock), clock: clock, stop: node.stop, holder: node.holder,
            progress: { [self] progress in
                if case .waiting = progress { oracle.saw("a change waited for a lost request") }
            })
    }

    // MARK: The quiet phase

    /// Faults stop; one more run must make the list equal to the audience, and the one after it has nothing to do.
    private func comeToRest() async {
        faults.isOn = false
        storeIsDownUntil = .zero
        storeIsFullUntil = .zero
        isQuiet = true
        oracle.guardsAreOn = false
        oracle.conflicts = []
        world.note(nil, "all is quiet")
        await world.pass(.seconds(200))
        if store.state.bindings["vip"]?.listID != nil, !iterable.lists.contains(where: { $0.name == History.listName })
        {
            _ = iterable.addList(History.listName)
        }
        var request = RunRequest()
        request.forceNew = true
        request.retryRejected = true
        // Where two names may or may not be one person, the first run finds out, and the second draws the conclusion.
        if oracle.hasDoubts { _ = await quietRun(request) }
        guard let last = await quietRun(request) else { return }
        guard last.status == .succeeded || last.status == .completedWithFailures, last.counts.unknown == 0,
            last.counts.notAttempted == 0
        else { return oracle.violated("the quiet run did not get through: \(last)") }
        await world.pass(.seconds(200))
        oracle.judgeEnd(rows: people.rows, list: last.listID ?? list)
        await comeToAnEnd(last)
        let open = store.state.runs.filter { $0.run.status == .running || $0.run.status == .queued }
        if !open.isEmpty { oracle.violated("a run was left running") }
        if store.state.outbox.values.contains(where: { !$0.isEmpty }) {
            oracle.violated("something is left in the outbox")
        }
    }

    /// A run on an unchanged audience sends nothing.
    private func comeToAnEnd(_ last: SyncRun) async {
        let before = requests
        guard var idle = await quietRun(RunRequest()) else { return }
        // Refused records are tried again in every run.
        if last.counts.failed.total > 0 || requests == before { return }
        // A removal without an answer leaves the older of two entries of one person in doubt: asked again each time.
        let isInDoubt = store.state.members.values.joined().contains { $0.value.member.state == .unsubscribing }
        if isInDoubt { return oracle.saw("an older entry of a person stayed in doubt") }
        if scenario.type == .hybrid {
            // What linked an entry to a row may have been dropped by the last run: now it can go.
            oracle.saw("a second run dropped what the first had kept")
            let second = requests
            guard let next = await quietRun(RunRequest()) else { return }
            if requests == second { return }
            idle = next
        }
        oracle.violated("a run on an unchanged audience sends something: \(idle.counts.short)")
    }

    private func quietRun(_ request: RunRequest) async -> SyncRun? {
        quietRuns += 1
        let node = Node(self, Scenario.Runner(number: 1000 + quietRuns, delay: .zero))
        let outcome = await withTaskGroup(of: RunOutcome.self) { group in
            group.addTask(executorPreference: node.process) { await self.run(node, request) }
            return await group.next()
        }
        node.hasEnded = true
        gone.insert(node.name)
        guard case .ran(let run) = outcome else {
            oracle.violated("the quiet run was not run: \(outcome.map { "\($0)" } ?? "")")
            return nil
        }
        return run
    }
}

extension Scenario {
    var destination: DestinationSettings {
        var settings = DestinationSettings(
            name: "marketing", apiKey: Secret("key"), projectType: type, baseURL: "http://127.0.0.1")
        settings.limits.requestsPerSecond = requestsPerSecond
        settings.limits.subscribersPerRequest = recordsPerRequest
        settings.limits.concurrentRequests = concurrentRequests
        settings.limits.requestTimeoutSeconds = timeoutSeconds
        settings.limits.settleSeconds = settleSeconds
        return settings
    }

    func sync(_ known: Int64?, guarded: Bool) -> SyncSettings {
        var target = ListTarget.name(History.listName, description: nil)
        if list == .byID, let known { target = .id(known) }
        var sync = SyncSettings(
            name: "vip", warehouse: "shop", destination: "marketing", audience: .table(["people"]), list: target)
        sync.mapping =
            switch type {
            case .email: placeholders ? ColumnMapping(userID: "user_id") : ColumnMapping(email: "email")
            case .userID: ColumnMapping(userID: "user_id")
            case .hybrid: ColumnMapping(email: "email", userID: "user_id")
            }
        sync.updateExistingUsersOnly = onlyExistingUsers
        sync.placeholderEmails = placeholders
        sync.guards.maxRemovals = guarded ? maxRemovals : .percent(100)
        sync.guards.allowEmpty = guarded ? allowEmpty : true
        return sync
    }
}
