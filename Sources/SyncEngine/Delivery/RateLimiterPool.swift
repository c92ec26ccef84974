import RollcallCore
import Synchronization

/// The rate limits of a process: one for each destination and endpoint, shared by all its syncs.
package final class RateLimiterPool: Sendable {
    private struct Key: Hashable {
        var destination: String
        var endpoint: Endpoint
        /// A changed limit counts at once for the runs that begin with it.
        var requestsPerSecond: Double
    }

    private let states = Mutex<[Key: RateLimiterState]>([:])
    /// What this process shares with others, by the name of the warehouse in which the limits stand.
    private let budgets = Mutex<[String: SharedBudget]>([:])
    private let clock: any EngineClock

    package init(clock: any EngineClock) { self.clock = clock }

    /// The process's part in the limits that stand in a warehouse.
    func budget(in warehouse: String, holder: Holder) -> SharedBudget {
        budgets.withLock { budgets in
            if let known = budgets[warehouse] { return known }
            let budget = SharedBudget(holder: holder, clock: clock)
            budgets[warehouse] = budget
            return budget
        }
    }

    /// Requests a second that are this process's share of what processes send together; nil where it takes no part now.
    func share(_ destination: DestinationSettings, _ endpoint: Endpoint) -> Double? {
        budgets.withLock { Array($0.values) }.lazy.compactMap { $0.share(destination.budget(endpoint)) }.first
    }

    /// Takes the next slot: wait for its delay, then ask ``confirm(_:_:_:isStream:)``.
    func reserve(
        _ destination: DestinationSettings, _ endpoint: Endpoint, isStream: Bool = false
    ) -> RateLimiterState.Slot {
        update(destination, endpoint) { $0.reserve(now: clock.uptime, isStream: isStream) }
    }

    /// nil if the request may go now, else another slot, because of a 429 meanwhile.
    func confirm(
        _ slot: RateLimiterState.Slot, _ destination: DestinationSettings, _ endpoint: Endpoint, isStream: Bool = false
    ) -> RateLimiterState.Slot? {
        update(destination, endpoint) { $0.confirm(slot, now: clock.uptime, isStream: isStream) }
    }

    func rateLimited(_ destination: DestinationSettings, _ endpoint: Endpoint, after: Duration?) {
        update(destination, endpoint) { $0.rateLimited(now: clock.uptime, after: after) }
    }

    func succeeded(_ destination: DestinationSettings, _ endpoint: Endpoint) {
        update(destination, endpoint) { $0.succeeded(now: clock.uptime) }
    }

    /// Requests a second that are allowed now; nil before the first request.
    func currentRate(_ destination: DestinationSettings, _ endpoint: Endpoint) -> Double? {
        let key = Key(
            destination: destination.name, endpoint: endpoint,
            requestsPerSecond: destination.limits.requestsPerSecond(endpoint))
        return states.withLock { $0[key]?.currentRate }
    }

    private func update<R: Sendable>(
        _ destination: DestinationSettings, _ endpoint: Endpoint, _ body: (inout RateLimiterState) -> R
    ) -> R {
        let key = Key(
            destination: destination.name, endpoint: endpoint,
            requestsPerSecond: destination.limits.requestsPerSecond(endpoint))
        return states.withLock { states in
            body(
                &states[
                    key, default: RateLimiterState(requestsPerSecond: destination.limits.requestsPerSecond(endpoint))])
        }
    }
}
