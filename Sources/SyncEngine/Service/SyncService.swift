import Foundation
package import RollcallCore
import Warehouse

/// Everything that `rollcall serve` does besides HTTP: schedules, runs on demand, and the state of it all.
///
/// One sync never runs twice at once: in this process the service sees to it, between processes the leases do. All work
/// happens in child tasks of ``run()``; all time is the clock's.
package actor SyncService {
    enum Phase { case idle, running, stopping, stopped }

    typealias Job = @Sendable () async -> Void

    let clock: any EngineClock
    let holder: Holder
    let limiters: RateLimiterPool
    let counters = ServiceCounters()
    nonisolated let hub = EventHub()

    var phase = Phase.idle
    var generation: Generation
    var registry = RunRegistry()
    var problems = ServiceProblems()
    /// The streams of this process, by sync.
    var streams: [String: StreamTracker] = [:]
    /// Where the states of syncs are that are new where the configuration has them.
    var stateFindings = StateFindings()
    /// After which runs the members of syncs were counted, or are being counted.
    var countedAfter: [String: CountedRun] = [:]
    /// When each state's scheduler means to look at the clock again, on the monotonic clock.
    var wakeTimes: [String: Duration] = [:]
    var resources = ResourceUses()
    /// Jobs that the end of the service waits for.
    var work = 0
    let idle = StopSignal()
    let ended = StopSignal()
    nonisolated let jobs = AsyncStream.makeStream(of: Job.self)

    /// - Parameters:
    ///   - clock: all time; the grid of ticks is on its wall clock.
    ///   - holder: who this process is, for leases.
    package init(_ setup: ServiceSetup, clock: any EngineClock = SystemClock(), holder: Holder = .current) {
        generation = Generation(setup)
        self.clock = clock
        self.holder = holder
        limiters = RateLimiterPool(clock: clock)
    }

    // MARK: Lifecycle

    /// Runs schedules and what is asked for, until ``stop(within:)`` or until the task is cancelled. Call it once.
    /// The warehouses and clients of the present setup stay open: they are the caller's.
    package func run() async {
        guard phase == .idle else { return }
        phase = .running
        startSchedulers()
        await withDiscardingTaskGroup { group in
            for await job in jobs.stream { group.addTask { await job() } }
            generation.over.request(.interrupted)
            registry.stopAll()
            group.cancelAll()
        }
        phase = .stopped
        jobs.continuation.finish()
        registry.refuseAll(Self.stopping)
        for resource in resources.takeRetired() { await resource.close() }
        hub.finish()
        ended.request(.interrupted)
    }

    /// Starts nothing more, interrupts what runs, and returns when all has ended. Requests that still have no answer
    /// after `deadline` are given up; their records are unknown then. May be called again with a shorter deadline.
    package func stop(within deadline: Duration = .seconds(50)) async {
        switch phase {
        case .idle:
            phase = .stopped
            hub.finish()
            return
        case .stopped: return
        case .running:
            phase = .stopping
            generation.over.request(.interrupted)
            registry.stopAll()
            if work == 0 { idle.request(.interrupted) }
        case .stopping: break
        }
        await idle.sleep(for: deadline, on: clock)
        jobs.continuation.finish()
        await ended.wait()
    }

    /// Works with another configuration from now on. Runs in progress keep theirs; warehouses and clients that the new
    /// setup does not have are closed when nothing uses them any more.
    package func reload(_ setup: ServiceSetup) {
        guard phase == .idle || phase == .running else { return }
        let old = generation
        generation = Generation(setup)
        old.over.request(.interrupted)
        for resource in resources.replace(old.setup.resources, by: setup.resources) { close(resource) }
        let names = Set(setup.syncs.map(\.name))
        counters.keep(names)
        countedAfter = countedAfter.filter { names.contains($0.key) }
        problems.keep(setup)
        stateFindings = StateFindings()
        let streamed = Set(setup.syncs.filter { $0.stream != nil }.map(\.name))
        streams = streams.filter { streamed.contains($0.key) }
        if phase == .running { startSchedulers() }
        hub.send(.reloaded)
    }

    /// Says that a new configuration was refused while the old one stays, or (nil) that this is over.
    package func noteConfiguration(_ error: RunError?) {
        if let error {
            note(.configuration, error)
            hub.send(.reloadRefused(error))
        } else {
            solve(.configuration)
        }
    }

    /// What happens from now on; the newest are kept if the reader is slow. Ends when the service has stopped.
    /// - Parameter limit: how many events wait for the reader at most.
    package nonisolated func events(buffering limit: Int = 256) -> AsyncStream<ServiceEvent> {
        hub.stream(buffering: limit)
    }

    // MARK: Jobs

    /// Lets a child task of ``run()`` do something that the end of the service waits for.
    /// - Returns: false if it is too late for that.
    @discardableResult
    func submit(_ job: @escaping Job) -> Bool {
        guard phase == .running || phase == .stopping else { return false }
        work += 1
        let accepted = jobs.continuation.yield {
            await job()
            await self.jobEnded()
        }
        if case .enqueued = accepted { return true }
        work -= 1
        return false
    }

    func jobEnded() {
        work -= 1
        if work == 0, phase == .stopping { idle.request(.interrupted) }
    }

    private func startSchedulers() {
        let generation = generation
        for name in generation.setup.stateOrder {
            guard let warehouse = generation.setup.warehouses[name] else { continue }
            jobs.continuation.yield { await self.schedule(name, warehouse, generation) }
        }
        startStreams(generation)
    }

    // MARK: Connections

    func use(_ resource: Resource) { resources.use(resource) }

    /// Keeps a warehouse open until it is released as often.
    func use(_ warehouse: any ServiceWarehouse) { for resource in Resource.all(warehouse) { use(resource) } }

    func release(_ warehouse: any ServiceWarehouse) { for resource in Resource.all(warehouse) { release(resource) } }

    func release(_ resource: Resource) {
        if let unused = resources.release(resource) { close(unused) }
    }

    private func close(_ resource: Resource) {
        // Where no job is taken any more, the end of the service closes it.
        if !submit(resource.close) { resources.retire(resource) }
    }

    // MARK: Problems

    func note(_ subject: ServiceProblem.Subject, _ error: RunError) {
        if let event = problems.note(subject, error) { hub.send(event) }
    }

    func solve(_ subject: ServiceProblem.Subject) {
        if let event = problems.solve(subject) { hub.send(event) }
    }

    static let stopping = ServiceError(
        .stopping, RunError(code: "stopping", message: "the server is stopping or has not begun; it starts no runs"))
}
