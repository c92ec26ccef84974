import RollcallCore
import Warehouse

/// What must hold of a rate limit that processes share, whatever becomes of them: turns lie as far apart as the limit has it and
/// none is given twice; a process sends no request without a turn that has come; who is gone has no share. Times are
/// microseconds of the warehouse's clock.
///
/// Counted are turns: between its turn and the wire a request may still be held up, by a claim that is slow, or as its process
/// stands still.
final class SharedLimitOracle {
    private struct Budget {
        /// The turns that were given out and not given back, by the process that has them.
        var turns: [String: [Int64]] = [:]
        /// When processes that have not left were seen last.
        var seen: [String: Int64] = [:]
        /// From one turn to the next.
        var interval: Int64 = 0
        /// The same at the highest limit that a process had: the turns before those of a lower one may lie as close.
        var closest = Int64.max
    }

    private let oracle: Oracle
    private let store: MemoryWarehouse
    private let isShared: Bool
    private var budgets: [String: Budget] = [:]
    /// Requests by process and endpoint.
    private var requests: [[String]: Int] = [:]

    init(_ oracle: Oracle, _ scenario: Scenario, _ store: MemoryWarehouse) {
        self.oracle = oracle
        self.store = store
        isShared = scenario.sharing != nil
    }

    // MARK: Turns

    /// An exchange was committed.
    /// - Parameter before: the budgets of the warehouse until then.
    func hasExchanged(_ process: String, _ needs: [RateNeed], _ grants: RateGrants, _ before: [String: RateBudget]) {
        for need in needs {
            var budget = budgets[need.budget] ?? Budget()
            if let unused = need.unused, unused.end == before[need.budget]?.next {
                budget.turns[process]?.removeAll { $0 >= unused.first }
            }
            if let grant = grants.grants.first(where: { $0.budget == need.budget }), let claim = need.claim {
                judge(grant, to: process, claim, &budget, now: grants.now)
                budget.seen[process] = grants.now
            } else {
                budget.seen[process] = nil
            }
            budgets[need.budget] = budget
        }
    }

    private func judge(
        _ grant: RateGrant, to process: String, _ claim: RateClaim, _ budget: inout Budget, now: Int64
    ) {
        let closest = Int64(1_000_000 / claim.limit)
        let turns = (0..<Int64(grant.count)).map { grant.first + $0 * grant.interval }
        let latest = budget.turns.values.joined().max()
        if let first = turns.first {
            if grant.interval < closest { oracle.violated("turns of a shared limit lie \(grant.interval) µs apart") }
            budget.closest = min(budget.closest, closest)
            if let latest, first < latest + budget.closest {
                oracle.violated("a turn of a shared limit is given to two")
            }
            if first < now { oracle.violated("a turn of a shared limit has gone by when it is given") }
        }
        budget.turns[process, default: []] += turns
        budget.interval = max(budget.interval, grant.interval)
        judgeShare(grant, of: process, claim, budget, now)
    }

    /// A process that was not seen for ``RateBudget/lifetime`` has no share, and what was its share is the others'.
    private func judgeShare(
        _ grant: RateGrant, of process: String, _ claim: RateClaim, _ budget: Budget, _ now: Int64
    ) {
        let others = budget.seen.filter { $0.key != process }
        let live = others.filter { now - $0.value <= RateBudget.lifetime }
        if grant.isAlone != live.isEmpty {
            let word = grant.isAlone ? "alone" : "not alone"
            oracle.violated("\(process) is \(word) with a limit, beside \(live.keys.sorted())")
        }
        let isWhole = grant.share > claim.limit * 0.99
        if grant.share > claim.limit { oracle.violated("\(process) has a share of more than the limit") }
        if live.isEmpty && !isWhole { oracle.violated("\(process) is alone and has a share of \(grant.share)") }
        if !live.isEmpty { oracle.saw("processes share a limit") }
        if live.count < others.count && live.isEmpty { oracle.saw("the share of a dead process is used again") }
    }

    // MARK: Requests

    /// By how much a process may be wrong about the warehouse's clock: half of what ``WarehouseOffset`` takes for known, and what
    /// its own clock drifts meanwhile.
    private static let vagueness: Int64 = 150_000

    /// Each request needs a turn that its process was given and that has come. Alone, a process may use a turn one interval early.
    func isSent(_ endpoint: Endpoint, by node: Node) {
        guard isShared else { return }
        let count = requests[[node.name, endpoint.rawValue], default: 0] + 1
        requests[[node.name, endpoint.rawValue]] = count
        let now = store.microseconds
        var turns = 0
        for (name, budget) in budgets where name.hasSuffix(" \(endpoint.rawValue)") {
            // Each run of a process takes part under another name, which begins with the one of the process.
            for (process, own) in budget.turns where process.hasPrefix(node.name + " ") {
                turns += own.count { $0 <= now + budget.interval + Self.vagueness }
            }
        }
        if count > turns { oracle.violated("\(node.name) sends \(count) requests for \(turns) turns that have come") }
    }
}
