import RollcallCore
import Synchronization

/// The rate limits of a process: one for each destination and endpoint, shared by all its syncs.
public final class RateLimiterPool: Sendable {
    private struct Key: Hashable {
        var destination: String
        var operation: RollcallCore.Operation
        /// A changed limit counts at once for the runs that begin with it.
        var requestsPerSecond: Double
    }

    private let states = Mutex<[Key: RateLimiterState]>([:])
    private let clock: any EngineClock

    public init(clock: any EngineClock) { self.clock = clock }

    /// Takes the next slot: wait for its delay, then ask ``confirm(_:_:_:)``.
    func reserve(
        _ destination: DestinationSettings, _ operation: RollcallCore.Operation
    ) -> RateLimiterState.Slot {
        update(destination, operation) { $0.reserve(now: clock.uptime) }
    }

    /// nil if the request may go now, else another slot, because of a 429 meanwhile.
    func confirm(
        _ slot: RateLimiterState.Slot, _ destination: DestinationSettings, _ operation: RollcallCore.Operation
    ) -> RateLimiterState.Slot? {
        update(destination, operation) { $0.confirm(slot, now: clock.uptime) }
    }

    func rateLimited(_ destination: DestinationSettings, _ operation: RollcallCore.Operation, after: Duration?) {
        update(destination, operation) { $0.rateLimited(now: clock.uptime, after: after) }
    }

    func succeeded(_ destination: DestinationSettings, _ operation: RollcallCore.Operation) {
        update(destination, operation) { $0.succeeded(now: clock.uptime) }
    }

    /// Requests a second that are allowed now; nil before the first request.
    func currentRate(_ destination: DestinationSettings, _ operation: RollcallCore.Operation) -> Double? {
        let key = Key(
            destination: destination.name, operation: operation,
            requestsPerSecond: destination.limits.requestsPerSecond)
        return states.withLock { $0[key]?.currentRate }
    }

    private func update<R: Sendable>(
        _ destination: DestinationSettings, _ operation: RollcallCore.Operation, _ body: (inout RateLimiterState) -> R
    ) -> R {
        let key = Key(
            destination: destination.name, operation: operation,
            requestsPerSecond: destination.limits.requestsPerSecond)
        return states.withLock { states in
            body(&states[key, default: RateLimiterState(requestsPerSecond: destination.limits.requestsPerSecond)])
        }
    }
}
