import Foundation
package import RollcallCore
package import Warehouse

/// Rate limits that processes share.
extension MemoryWarehouse: BudgetStore {
    package func exchangeBudget(process: String, needs: [RateNeed]) async throws(WarehouseError) -> RateGrants {
        let now = microseconds
        return try write(nil) { state, _ in
            let grants = needs.compactMap { state.exchange($0, process, now: now) }
            return RateGrants(begun: now, now: now, grants: grants)
        }
    }

    /// The warehouse's clock, in microseconds since 1970.
    var microseconds: Int64 { Int64((time().timeIntervalSince1970 * 1_000_000).rounded()) }
}

extension MemoryState {
    fileprivate mutating func exchange(_ need: RateNeed, _ process: String, now: Int64) -> RateGrant? {
        var rows = shares[need.budget] ?? []
        let (grant, gone) = budgets[need.budget, default: RateBudget()].exchange(
            need, process: process, stored: rows, now: now)
        rows.removeAll { gone.contains($0.process) || $0.process == process }
        if grant != nil, let claim = need.claim {
            rows.append(StoredClaim(process: process, claim: claim, seenAt: now))
        }
        shares[need.budget] = rows
        return grant
    }

    /// Rows count as if they had been seen just now.
    mutating func keepDeadShares() {
        shares = shares.mapValues { rows in
            let latest = rows.map(\.seenAt).max() ?? 0
            return rows.map { StoredClaim(process: $0.process, claim: $0.claim, seenAt: latest) }
        }
    }
}
