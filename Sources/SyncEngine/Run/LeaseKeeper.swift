import RollcallCore
import Synchronization
import Warehouse

extension RunError {
    static let leaseLost = RunError(
        code: "lease_lost", message: "the run could not keep its lease, so it sent nothing more",
        hint: "The next run carries on. Look at the warehouse's availability if this happens often.")
}

/// Holds one sync's lease while its run is in progress, and says whether it may still be relied on.
///
/// The lease is the warehouse's, by its own clock; what is believed of it here is counted from *before* each renewal on
/// the monotonic clock, so that a process that was stopped knows on waking that its time is over.
final class LeaseKeeper: Sendable {
    let lease: Lease
    private let warehouse: any Warehouse
    private let clock: any EngineClock
    private let length: Duration
    private let trustedUntil: Mutex<Duration>
    private let stop: StopSignal

    /// Left of a lease beyond a request's time-out when the request is sent, for clocks that differ a little.
    static let margin = Duration.seconds(2)
    static let renewInterval = Duration.seconds(4)

    /// Length of a lease: a request that is sent may run into its time-out before the lease ends, with renewals missed.
    /// At most 55 s, since time-outs are at most 40 s: a killed run's sync is free after a minute.
    static func seconds(requestTimeout: Double) -> Double { requestTimeout + 15 }

    init(
        lease: Lease, acquiredAt: Duration, seconds: Double, warehouse: any Warehouse, clock: any EngineClock,
        stop: StopSignal = StopSignal()
    ) {
        self.lease = lease
        self.warehouse = warehouse
        self.clock = clock
        self.stop = stop
        self.length = .seconds(seconds)
        trustedUntil = Mutex(acquiredAt + .seconds(seconds))
    }

    /// Whether the lease will still be ours after `duration`.
    func holds(for duration: Duration) -> Bool {
        clock.uptime + duration + LeaseKeeper.margin < trustedUntil.withLock { $0 }
    }

    /// Whether a request that must have its answer by `deadline` may be sent now: the last look before it leaves. Like all
    /// times here, `deadline` is one of the engine's clock, which continues while the process stands still or the machine sleeps.
    func covers(until deadline: Duration) -> Bool {
        let left = deadline - clock.uptime
        return left > .zero && holds(for: left)
    }

    /// Makes sure of it, with a renewal if need be, and that the warehouse is still the one that gave it.
    func ensure(for duration: Duration) async throws(WarehouseError) {
        try warehouse.ensureUnreplaced(lease)
        if holds(for: duration) { return }
        try await renew()
        if holds(for: duration) { return }
        throw WarehouseError(.leaseLost, "the lease of sync \(lease.sync) ran out", hint: "The next run carries on.")
    }

    func renew() async throws(WarehouseError) {
        let before = clock.uptime
        try await warehouse.renewLease(lease, seconds: length.seconds)
        trustedUntil.withLock { $0 = max($0, before + length) }
    }

    /// A warehouse that is away for a moment is waited for while the lease can be relied on, but no longer than the
    /// warehouse's `waitSeconds`, and after a stop was requested for a second.
    func retryWhileLeaseHeld<R>(_ body: () async throws(WarehouseError) -> R) async throws -> R {
        let start = clock.uptime
        var pause = Duration.milliseconds(100)
        let wait = WarehouseWait.current
        var nextReport = wait.firstReport
        while true {
            do throws(WarehouseError) {
                return try await body()
            } catch {
                let waited = (clock.uptime - start).seconds
                let limit = stop.reason == nil ? warehouse.waitSeconds : min(1, warehouse.waitSeconds)
                guard error.isTransient, holds(for: pause), waited < limit else { throw error }
                if waited >= nextReport {
                    wait.report(.init(reason: "the warehouse: \(error.error.message)", seconds: waited, limit: limit))
                    nextReport = waited + wait.nextReport
                }
                try await sleep(pause)
                pause = min(pause * 2, .seconds(3))
            }
        }
    }

    /// Sleeps; after a stop was requested, in short steps at most.
    private func sleep(_ pause: Duration) async throws {
        guard stop.reason == nil else { return try await clock.sleep(for: min(pause, .milliseconds(200))) }
        await stop.sleep(for: pause, on: clock)
        try Task.checkCancellation()
    }

    /// Renews until cancelled. A renewal that fails is tried again; a lease that is another's, or that was
    /// given by a file that is gone, ends all trust at once.
    func keep() async {
        while !Task.isCancelled {
            guard (try? await clock.sleep(for: LeaseKeeper.renewInterval)) != nil else { return }
            do throws(WarehouseError) {
                try await renew()
            } catch {
                if error.kind == .leaseLost || error.kind == .replaced {
                    trustedUntil.withLock { $0 = .zero }
                    return
                }
            }
        }
    }
}
