import RollcallCore
import Synchronization
import Warehouse

/// The part of one process in the rate limits that stand in one warehouse. All runs and streams of the process whose
/// destinations are limited there use the same one.
///
/// A request takes a turn that the process holds (``HeldTurns``). Turns are had by exchanges with the warehouse: at once for
/// the first request of a budget, and once a second after that, for all budgets in one call. A budget for which no request
/// came for two seconds is left. What is decided is in `RollcallCore/Budget`.
final class SharedBudget: Sendable {
    /// What a request is to do.
    enum Step {
        /// It may leave, from `first` to `last`.
        case leave(first: Duration, last: Duration)
        /// An exchange is due, and this request may make it.
        case exchange
        /// Look again when the signal is given or after this time.
        case wait(StopSignal, Duration)
    }

    fileprivate struct State {
        var budgets: [String: HeldTurns] = [:]
        var offset = WarehouseOffset()
        var exchangedAt: Duration?
        /// What the last exchange took, in microseconds; 0: there was none.
        var duration: Int64 = 0
        var isUnderWay = false
        /// Given at the end of the exchange that is under way, or of the next one.
        var answered = StopSignal()
        /// Runs and streams of the process that may send.
        var users = 0
        /// Why exchanges fail, and since when.
        var failure: (error: WarehouseError, since: Duration)?
    }

    /// From the beginning of one exchange to the next.
    static let pause = Duration.seconds(1)
    private let process: String
    private let clock: any EngineClock
    private let state = Mutex(State())

    /// - Parameter holder: who this process is; a random part tells apart what ends and begins again within one process.
    init(holder: Holder, clock: any EngineClock) {
        process = holder.text + " " + String(clock.random(), radix: 16)
        self.clock = clock
    }

    /// The next step of a request that waits for its turn.
    /// - Parameters:
    ///   - limit: requests a second as configured for this request.
    ///   - isWaiting: as ``HeldTurns/take(now:limit:isStream:isWaiting:)`` has it.
    func step(_ budget: String, limit: Double, isStream: Bool, isWaiting: inout Bool) -> Step {
        let now = clock.uptime
        return state.withLock { state in
            let isNew = state.budgets[budget]?.share == nil
            if let turn = state.budgets[budget, default: HeldTurns(budget: budget, limit: limit)].take(
                now: now.microseconds, limit: limit, isStream: isStream, isWaiting: &isWaiting)
            {
                return .leave(first: .microseconds(turn.first), last: .microseconds(turn.last))
            }
            if state.isUnderWay { return .wait(state.answered, Self.pause) }
            let due = isNew && state.failure == nil ? now : Self.due(state, now)
            return due <= now ? .exchange : .wait(state.answered, due - now)
        }
    }

    /// A request waits no longer.
    func stopWaiting(_ budget: String, isStream: Bool) {
        let now = clock.uptime.microseconds
        state.withLock { $0.budgets[budget]?.stopWaiting(now: now, isStream: isStream) }
    }

    private static func due(_ state: State, _ now: Duration) -> Duration {
        state.exchangedAt.map { $0 + pause } ?? now
    }

    /// Why no exchange succeeds and for how long that has been so; nil while all is well.
    var failure: (error: WarehouseError, lasted: Duration)? {
        let now = clock.uptime
        return state.withLock { state in state.failure.map { ($0.error, now - $0.since) } }
    }

    /// Requests a second that are this process's share of a budget; nil where it takes no part.
    func share(_ budget: String) -> Double? { state.withLock { $0.budgets[budget]?.share } }

    // MARK: Exchanges

    /// Makes one exchange, unless one is under way. It waits as long as the warehouse's calls do, and ends early with a stop.
    func exchange(with store: any BudgetStore) async {
        guard let since = begin() else { return }
        defer { end() }
        do throws(WarehouseError) {
            if isWanted { try await lookAtClock(store) }
            let needs = needs(leaving: false)
            if !needs.isEmpty { try await ask(store, needs) }
        } catch {
            // No request waits for the answer to a process that leaves.
            if !error.wasStopped, isWanted { state.withLock { $0.failed(error, since: since) } }
        }
    }

    private var isWanted: Bool { state.withLock { !$0.budgets.isEmpty } }

    /// Looks how far the warehouse's clock is from the process's, once more where the answer took long: turns whose time is not known
    /// would be given out and lost. The first look opens the connection, which takes longer than an exchange.
    private func lookAtClock(_ store: any BudgetStore) async throws(WarehouseError) {
        for _ in 1...2 where !state.withLock({ $0.offset.isKnown }) { try await ask(store, []) }
    }

    private func ask(
        _ store: any BudgetStore, _ needs: [RateNeed], mayMigrate: Bool = true
    ) async throws(WarehouseError) {
        let asked = clock.uptime
        let grants: RateGrants
        do throws(WarehouseError) {
            grants = try await store.exchangeBudget(process: process, needs: needs)
        } catch  where error.kind == .stateMissing && mayMigrate {
            // The limits are kept in a warehouse that no sync of this program has used yet.
            _ = try await store.migrate()
            return try await ask(store, needs, mayMigrate: false)
        }
        let answered = clock.uptime
        state.withLock { $0.note(grants, asked: asked.microseconds, answered: answered.microseconds) }
    }

    /// - Returns: the time; nil while another exchange is under way.
    private func begin() -> Duration? {
        let now = clock.uptime
        return state.withLock { state in
            if state.isUnderWay { return nil }
            state.isUnderWay = true
            state.exchangedAt = now
            return now
        }
    }

    /// What to ask for now.
    private func needs(leaving: Bool) -> [RateNeed] {
        let now = clock.uptime.microseconds
        return state.withLock { state in
            let duration = state.duration
            let needs = state.budgets.keys.sorted().compactMap {
                state.budgets[$0]?.need(now: now, duration: duration, leaves: leaving)
            }
            // A process that is to leave uses nothing any more, whether or not the warehouse learns of it.
            for need in needs where need.claim == nil { state.budgets[need.budget] = nil }
            if state.budgets.isEmpty { state.failure = nil }
            return needs
        }
    }

    private func end() {
        let answered = state.withLock { state in
            defer { (state.isUnderWay, state.answered) = (false, StopSignal()) }
            return state.answered
        }
        answered.request(.interrupted)
    }

    /// Calls `body`, exchanges meanwhile, and gives everything back at the end of the last such call.
    func during<R: Sendable>(_ store: any BudgetStore, _ body: () async -> R) async -> R {
        state.withLock { $0.users += 1 }
        let result = await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.keep(with: store) }
            let result = await body()
            group.cancelAll()
            return result
        }
        let isLast = state.withLock { state in
            state.users -= 1
            return state.users == 0
        }
        if isLast { await leave(store) }
        return result
    }

    /// Exchanges while it is time and anything is wanted, until cancelled.
    private func keep(with store: any BudgetStore) async {
        while !Task.isCancelled {
            let now = clock.uptime
            let due = state.withLock { state in
                state.budgets.isEmpty || state.isUnderWay ? now + Self.pause : Self.due(state, now)
            }
            if due <= now {
                await exchange(with: store)
            } else {
                guard (try? await clock.sleep(for: due - now)) != nil else { return }
            }
        }
    }

    /// Gives everything back. What cannot be given back is free by itself: turns pass, and the row counts for five seconds.
    private func leave(_ store: any BudgetStore) async {
        guard begin() != nil else { return }
        let needs = needs(leaving: true)
        // Not worth waiting for a connection or a lock.
        let wait = WarehouseWait(isStopped: { true })
        if !needs.isEmpty {
            _ = try? await WarehouseWait.$current.withValue(wait) {
                try await store.exchangeBudget(process: process, needs: needs)
            }
        }
        end()
    }
}

extension SharedBudget.State {
    fileprivate mutating func note(_ grants: RateGrants, asked: Int64, answered: Int64) {
        duration = answered - asked
        if !offset.note(begun: grants.begun, now: grants.now, asked: asked, answered: answered) {
            // A clock was set: turns that are held lie somewhere else.
            for budget in budgets.keys { budgets[budget]?.drop() }
        }
        guard let local = offset.local(grants.now) else {
            if budgets.isEmpty { return }
            return failed(.tooSlow(microseconds: answered - asked), since: .microseconds(asked))
        }
        failure = nil
        for grant in grants.grants {
            budgets[grant.budget]?.receive(
                grant, first: local + grant.first - grants.now, now: answered)
        }
    }

    fileprivate mutating func failed(_ error: WarehouseError, since time: Duration) {
        failure = (error, failure?.since ?? time)
    }
}

extension WarehouseError {
    fileprivate static func tooSlow(microseconds: Int64) -> WarehouseError {
        WarehouseError(
            .timeout, "It took \(microseconds / 1000) ms to answer, too long to say when the turns are.",
            hint: "Look at the load of the warehouse, and at locks on rate_budgets.")
    }
}

extension Duration {
    /// Rounded down; time since a fixed moment fits for 290,000 years.
    var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}
