/// Which process may run a sync. The rules of ``Warehouse`` hold.
package protocol LeaseStore: Sendable {
    /// Takes the sync's lease if it is free, expired, or `isDead` says that its holder no longer lives. Raises the token.
    /// Throws ``WarehouseError/Kind/stateElsewhere`` where the sync's state was moved away (``StateTransfer``).
    func acquireLease(
        sync: String, holder: String, seconds: Double, isDead: @escaping @Sendable (String) -> Bool
    ) async throws(WarehouseError) -> LeaseAttempt
    /// Extends the lease to `seconds` from now (database clock).
    func renewLease(_ lease: Lease, seconds: Double) async throws(WarehouseError)
    /// The name of the warehouse to which the sync's state was moved, or is being moved; nil: it is here.
    func stateElsewhere(sync: String) async throws(WarehouseError) -> String?
    /// Gives the lease up. Not an error if it is already another's.
    func releaseLease(_ lease: Lease) async throws(WarehouseError)

    /// Throws ``WarehouseError/Kind/replaced`` where the database is known not to be the one any more in which the lease was
    /// taken. Asked before each request, so it waits for nothing. A database that is reached over a network says so when it is
    /// written to.
    func ensureUnreplaced(_ lease: Lease) throws(WarehouseError)
}
