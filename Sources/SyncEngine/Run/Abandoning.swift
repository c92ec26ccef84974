import Foundation
package import RollcallCore
package import Warehouse

/// Lets a sync go of what it keeps, without sending anything: the way out where two syncs keep one list, and where a sync
/// has left the configuration. Its members stay on the list in Iterable, and no sync removes them any more.
package struct Abandoning: Sendable {
    let sync: String
    let warehouse: any Warehouse
    let log: LogSettings
    let limits: DestinationLimits
    let clock: any EngineClock
    let holder: Holder

    package enum Outcome: Sendable {
        case done(Abandonment)
        /// A run is in progress, or a request without an answer may still land; nothing was changed.
        case busy(RunError)
    }

    /// - Parameters:
    ///   - log: for a run of a dead process that is closed first.
    ///   - limits: of the destination, by which it is known how long that run's requests may still land.
    package init(
        sync: String, warehouse: any Warehouse, log: LogSettings = LogSettings(),
        limits: DestinationLimits = DestinationLimits(), clock: any EngineClock = SystemClock(),
        holder: Holder = .current
    ) {
        self.sync = sync
        self.warehouse = warehouse
        self.log = log
        self.limits = limits
        self.clock = clock
        self.holder = holder
    }

    /// Whether the state knows the sync. Writes nothing.
    package func isKnown() async throws(WarehouseError) -> Bool {
        if try await warehouse.listBinding(sync: sync) != nil { return true }
        if try await warehouse.fingerprintKey(sync: sync, newKey: nil) != nil { return true }
        return try await !warehouse.runs(RunFilter(sync: sync, limit: 1)).isEmpty
    }

    /// - Parameter list: only this list; nil: all that the sync keeps or kept.
    package func carryOut(list: Int64? = nil) async throws(WarehouseError) -> Outcome {
        // No tables are made in a warehouse that is only read.
        guard try await isKnown() else { return .done(Abandonment(lists: [])) }
        _ = try await warehouse.migrate()
        let hold = LeaseHold(sync: sync, warehouse: warehouse, limits: limits, clock: clock, holder: holder)
        switch try await hold.during({ await letGo($0.lease, list) }) {
        case .held(let result): return try result.get()
        case .busy(let error): return .busy(error)
        }
    }

    private func letGo(_ lease: Lease, _ list: Int64?) async -> Result<Outcome, WarehouseError> {
        do throws(WarehouseError) {
            // A run of a dead process may have sent something.
            _ = try await Recovery(warehouse: warehouse, limits: limits, log: log).closeRuns(lease)
            switch try await warehouse.abandon(lease, list: list) {
            case .done(let abandonment): return .success(.done(abandonment))
            case .inDoubt(let until):
                let left = try await until.timeIntervalSince(warehouse.now())
                return .success(
                    .busy(
                        RunError(
                            code: "requests_settling",
                            message: "a request of \(sync) that got no answer may still land until \(until.iso8601)",
                            hint: "Nothing was changed. Do it again in \(max(1, Int(left.rounded(.up)))) s.")))
            }
        } catch {
            return .failure(error)
        }
    }
}
