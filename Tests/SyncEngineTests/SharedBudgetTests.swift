import RollcallCore
import Synchronization
import Testing
import Warehouse

@testable import SyncEngine

/// The part of a process in a shared limit; what it decides is tried in `BudgetSimulationTests`.
@Suite struct SharedBudgetTests {
    /// A warehouse with one budget, whose clock is the test's.
    final class Store: BudgetStore {
        struct State {
            var budget = RateBudget()
            var calls: [[RateNeed]] = []
            var failures: [WarehouseError] = []
            var migrations = 0
            var delay = Duration.zero
            /// What the next calls take instead.
            var slow: [Duration] = []
            /// The warehouse's clock less the process's, in microseconds.
            var shift: Int64 = 1_000_000_000
        }

        let state = Mutex(State())
        let clock: ManualClock
        let waitSeconds = 120.0

        init(_ clock: ManualClock) { self.clock = clock }

        func migrate() async throws(WarehouseError) -> MigrationResult {
            state.withLock { $0.migrations += 1 }
            return MigrationResult(from: nil, to: 1)
        }

        func exchangeBudget(process: String, needs: [RateNeed]) async throws(WarehouseError) -> RateGrants {
            clock.advance(by: state.withLock { $0.slow.isEmpty ? $0.delay : $0.slow.removeFirst() })
            let now = clock.uptime.microseconds + state.withLock { $0.shift }
            let (grants, failure) = state.withLock { state -> (RateGrants, WarehouseError?) in
                state.calls.append(needs)
                if !state.failures.isEmpty {
                    return (RateGrants(begun: now, now: now, grants: []), state.failures.removeFirst())
                }
                let grants = needs.compactMap { state.budget.exchange($0, others: [], now: now) }
                return (RateGrants(begun: now, now: now, grants: grants), nil)
            }
            if let failure { throw failure }
            return grants
        }
    }

    private let clock = ManualClock()
    private let store: Store
    private let budget: SharedBudget

    init() {
        store = Store(clock)
        budget = SharedBudget(holder: Holder(text: "here"), clock: clock)
    }

    private func step(_ isWaiting: inout Bool) -> SharedBudget.Step {
        budget.step("b", limit: 10, isStream: false, isWaiting: &isWaiting)
    }

    @Test func theFirstRequestAsksAtOnceAndTheNextExchangeComesASecondLater() async {
        var isWaiting = false
        guard case .exchange = step(&isWaiting) else { return #expect(Bool(false), "nothing is known yet") }
        await budget.exchange(with: store)
        var taken = 0
        while case .leave = step(&isWaiting) { taken += 1 }
        #expect(taken == 15 && budget.share("b").map { $0 > 9 } == true)
        guard case .wait(_, let time) = step(&isWaiting) else { return #expect(Bool(false), "it is too early") }
        #expect(time == .seconds(1))
        clock.advance(by: .seconds(1))
        guard case .exchange = step(&isWaiting) else { return #expect(Bool(false), "a second has passed") }
        #expect(store.state.withLock { $0.calls.map(\.count) } == [0, 1], "a look at the clock, and one exchange")
    }

    @Test func tablesThatAreMissingAreMade() async {
        var isWaiting = false
        store.state.withLock { $0.failures = [WarehouseError(.stateMissing, "no tables")] }
        _ = step(&isWaiting)
        await budget.exchange(with: store)
        #expect(store.state.withLock { $0.migrations } == 1 && budget.failure == nil)
        guard case .leave = step(&isWaiting) else { return #expect(Bool(false), "there are turns") }
    }

    @Test func aFailureLastsUntilAnExchangeSucceeds() async {
        var isWaiting = false
        store.state.withLock {
            $0.failures = [WarehouseError(.connection, "away"), WarehouseError(.connection, "away")]
        }
        for _ in 1...2 {
            _ = step(&isWaiting)
            await budget.exchange(with: store)
            clock.advance(by: .seconds(5))
        }
        #expect(budget.failure?.error.error.message == "away" && budget.failure?.lasted == .seconds(10))
        await budget.exchange(with: store)
        #expect(budget.failure == nil)
    }

    @Test func anExchangeThatTookTooLongGivesNothing() async {
        var isWaiting = false
        store.state.withLock { $0.delay = .seconds(3) }
        _ = step(&isWaiting)
        await budget.exchange(with: store)
        #expect(budget.failure?.error.error.message.contains("3000 ms") == true)
        if case .leave = step(&isWaiting) { #expect(Bool(false), "it is not known when the turns are") }
    }

    /// Where a clock was set, turns that are held lie somewhere else.
    @Test func turnsOfAClockThatWasSetAreNotUsed() async {
        var isWaiting = false
        _ = step(&isWaiting)
        await budget.exchange(with: store)
        clock.advance(by: .seconds(1))
        store.state.withLock { $0.shift += 3_600_000_000 }
        await budget.exchange(with: store)
        var taken = 0
        while case .leave = step(&isWaiting) { taken += 1 }
        #expect(taken == 10, "those of the last exchange, and not the five of before")
    }

    /// An answer says when the turns are only if it came soon.
    @Test func theClockIsLookedAtBeforeTurnsAreAskedFor() async {
        var isWaiting = false
        store.state.withLock { $0.slow = [.milliseconds(300)] }
        _ = step(&isWaiting)
        await budget.exchange(with: store)
        #expect(store.state.withLock { $0.calls.map(\.count) } == [0, 0, 1] && budget.failure == nil)
        guard case .leave = step(&isWaiting) else { return #expect(Bool(false), "the turns are not lost") }
    }

    /// A right that is missing does not come by waiting.
    @Test func whatTheWarehouseRefusesEndsTheRunAtOnce() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        let refusing = Store(bench.clock)
        refusing.state.withLock {
            $0.failures = Array(repeating: WarehouseError(.permission, "may not write"), count: 1000)
        }
        // The exchanges go by the real clock: the pauses between them would drive the virtual time of the run.
        let before = bench.clock.uptime
        let outcome = await bench.pipeline(
            sharedLimits: SharedLimits(warehouse: "common", store: refusing),
            limiters: RateLimiterPool(clock: SystemClock())
        ).run(RunRequest())
        guard case .ran(let run) = outcome else { return #expect(Bool(false), "it begins") }
        #expect(run.error?.code == "rate_budget_unavailable", "\(run)")
        #expect(run.error?.message.contains("may not write") == true && run.requests.sent == 0, "\(run)")
        #expect(bench.clock.uptime - before < .seconds(refusing.waitSeconds))
    }

    @Test func whatIsNotUsedIsGivenBackAtTheEnd() async {
        await budget.during(store) {
            var isWaiting = false
            _ = step(&isWaiting)
            await budget.exchange(with: store)
            _ = step(&isWaiting)
        }
        let last = store.state.withLock { $0.calls.last }
        #expect(last?.count == 1 && last?[0].claim == nil && budget.share("b") == nil)
    }
}
