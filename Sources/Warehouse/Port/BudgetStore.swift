package import RollcallCore

/// The rate limits that processes share. The rules of ``Warehouse`` hold; no lease is needed.
package protocol BudgetStore: Sendable {
    /// How long a call waits for a connection and for locks of others, in seconds, 0 or more.
    var waitSeconds: Double { get }
    /// As ``SchemaStore/migrate()``.
    func migrate() async throws(WarehouseError) -> MigrationResult
    /// Notes what a process wants of some budgets, each named once, and gives it the turns that
    /// ``RateBudget/exchange(_:others:now:)`` says; all in one transaction, in which the rows of the budgets are locked in
    /// the order of their names, so that no turn is given twice. A need without a claim takes the process out of the budget,
    /// and has no grant. Without needs it tells the time.
    ///
    /// After an error, turns may have been given that the process does not know of: they stay unused. It may ask again.
    /// - Parameter process: a name that no other process on any machine has.
    /// - Throws: ``WarehouseError/Kind/stateMissing`` where the tables do not exist yet.
    func exchangeBudget(process: String, needs: [RateNeed]) async throws(WarehouseError) -> RateGrants
}

/// A row of `rate_shares`.
package struct StoredClaim: Sendable {
    package var process: String
    package var claim: RateClaim
    /// Microseconds since 1970, by the database's clock.
    package var seenAt: Int64

    package init(process: String, claim: RateClaim, seenAt: Int64) {
        self.process = process
        self.claim = claim
        self.seenAt = seenAt
    }

    /// Whether the process counts. A time far ahead was noted before the clock was set back.
    func isLive(now: Int64) -> Bool { abs(now - seenAt) <= RateBudget.lifetime }
}

extension RateBudget {
    /// Exchanges with what stands in the tables.
    /// - Returns: the grant, and the processes whose rows are to be deleted: those that are gone, and one that leaves.
    package mutating func exchange(
        _ need: RateNeed, process: String, stored: [StoredClaim], now: Int64
    ) -> (grant: RateGrant?, gone: [String]) {
        let others = stored.filter { $0.process != process }
        let live = others.filter { $0.isLive(now: now) }
        let grant = exchange(need, others: live.map(\.claim), now: now)
        let gone = others.filter { !$0.isLive(now: now) }.map(\.process)
        return (grant, grant == nil ? gone + [process] : gone)
    }
}
