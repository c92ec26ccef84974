import RollcallCore
import Warehouse

/// How a sync's lease is taken, kept and given back.
struct LeaseHold: Sendable {
    let sync: String
    let warehouse: any Warehouse
    let limits: DestinationLimits
    let clock: any EngineClock
    let holder: Holder
    var stop = StopSignal()

    enum Outcome<Result: Sendable>: Sendable {
        case held(Result)
        /// Another process has the lease; the body was not called.
        case busy(RunError)
    }

    /// Calls `body` while the lease is renewed. Where the lease cannot be given back, it ends by itself.
    func during<Result: Sendable>(
        _ body: @Sendable (LeaseKeeper) async -> Result
    ) async throws(WarehouseError) -> Outcome<Result> {
        let seconds = LeaseKeeper.seconds(requestTimeout: limits.requestTimeoutSeconds)
        let before = clock.uptime
        let attempt = try await warehouse.acquireLease(
            sync: sync, holder: holder.text, seconds: seconds, isDead: Holder.isDead)
        guard case .acquired(let lease) = attempt else { return .busy(.busy(sync, attempt)) }
        let keeper = LeaseKeeper(
            lease: lease, acquiredAt: before, seconds: seconds, warehouse: warehouse, clock: clock, stop: stop)
        let result = await withTaskGroup(of: Void.self) { group in
            group.addTask { await keeper.keep() }
            let result = await body(keeper)
            group.cancelAll()
            return result
        }
        try? await warehouse.releaseLease(lease)
        return .held(result)
    }
}
