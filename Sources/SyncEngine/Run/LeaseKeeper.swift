import RollcallCore
import Synchronization
import Warehouse

extension RunError {
    static let leaseLost = RunError(
        code: "lease_lost", message: "the run could not keep its lease, so it sent nothing more",
        hint: "The next run carries on. Look at the warehouse's availability if this happens often.")
}

/// Holds one sync's lease while its run goes on, and says whether it may still be relied on.
///
/// The lease is the warehouse's, by its own clock; what is believed of it here is counted from *before* each renewal on
/// the monotonic clock, so that a process that was stopped knows on waking that its time is over.
final class LeaseKeeper: Sendable {
    let lease: Lease
    private let warehouse: any Warehouse
    private let clock: any EngineClock
    private let length: Duration
    private let trustedUntil: Mutex<Duration>

    /// Left of a lease beyond a request's time-out when the request is sent, for clocks that differ a little.
    static let margin = Duration.seconds(2)
    static let beat = Duration.seconds(4)

    /// Length of a lease: a request that is sent may run into its time-out before the lease ends, with beats missed.
    /// At most 55 s, since time-outs are at most 40 s: a killed run's sync is free after a minute.
    static func seconds(requestTimeout: Double) -> Double { requestTimeout + 15 }

    init(lease: Lease, acquiredAt: Duration, seconds: Double, warehouse: any Warehouse, clock: any EngineClock) {
        self.lease = lease
        self.warehouse = warehouse
        self.clock = clock
        self.length = .seconds(seconds)
        trustedUntil = Mutex(acquiredAt + .seconds(seconds))
    }

    /// Whether the lease will still be ours after `duration`.
    func holds(for duration: Duration) -> Bool {
        clock.uptime + duration + LeaseKeeper.margin < trustedUntil.withLock { $0 }
    }

    /// Whether a request that must have its answer by `deadline` may be sent now: the last look before it leaves. Like all
    /// times here, `deadline` is one of the engine's clock, which goes on while the process stands still or the machine sleeps.
    func covers(until deadline: Duration) -> Bool {
        let left = deadline - clock.uptime
        return left > .zero && holds(for: left)
    }

    /// Makes sure of it, with a renewal if need be.
    func ensure(for duration: Duration) async throws(WarehouseError) {
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

    /// A warehouse that is away for a moment is waited for as long as the lease can be relied on.
    func patiently<R>(_ body: () async throws(WarehouseError) -> R) async throws -> R {
        var pause = Duration.milliseconds(100)
        while true {
            do throws(WarehouseError) {
                return try await body()
            } catch {
                guard error.isTransient, holds(for: pause) else { throw error }
                try await clock.sleep(for: pause)
                pause = min(pause * 2, .seconds(3))
            }
        }
    }

    /// Renews until cancelled. A renewal that fails is tried again; a lease that is another's ends all trust at once.
    func keep() async {
        while !Task.isCancelled {
            guard (try? await clock.sleep(for: LeaseKeeper.beat)) != nil else { return }
            do throws(WarehouseError) {
                try await renew()
            } catch {
                if error.kind == .leaseLost {
                    trustedUntil.withLock { $0 = .zero }
                    return
                }
            }
        }
    }
}
