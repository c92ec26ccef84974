/// Which list, or catalog, each sync is bound to. The rules of ``Warehouse`` hold.
package protocol ListStore: Sendable {
    func listBinding(sync: String) async throws(WarehouseError) -> ListBinding?
    /// The bindings of all syncs to what has this name, sorted by sync. Catalogs are bound as `catalog:name`, in lower case.
    func bindings(named name: String) async throws(WarehouseError) -> [ListBinding]
    func saveListBinding(_ lease: Lease, _ binding: ListBinding) async throws(WarehouseError)
    /// What the other syncs of this state have to do with a list, sorted by name; those that have nothing are left out.
    /// - Parameter list: nil: each sync is asked about the list that it is bound to itself.
    func listClaims(besides sync: String, list: Int64?) async throws(WarehouseError) -> [ListClaim]
    /// Keeps the binding unless `refuse` finds a reason not to among the claims of the other syncs on the binding's list,
    /// all in one transaction; of two processes that take a list at once, the second sees what the first has taken.
    ///
    /// Where it is refused the binding stays as it was, but for the project of a list that the sync is bound to already:
    /// that is noted (with the destination's name), since rows of earlier versions lack it.
    /// - Returns: the claims that `refuse` gave; empty: the binding is kept.
    func takeList(
        _ lease: Lease, _ binding: ListBinding, refuse: @escaping @Sendable ([ListClaim]) -> [ListClaim]
    ) async throws(WarehouseError) -> [ListClaim]
    /// Forgets what the sync of the lease has to do with a list, or with all lists where `list` is nil: its members there,
    /// its held run (which becomes `cancelled`) with the outbox, requests in doubt that are over, and its binding, if it is
    /// to that list; with all lists also records of other kinds, events, and how far it has read. Its runs, its log, its key and whether it is paused stay. Nothing is changed while a request of the
    /// sync may still land there.
    func abandon(_ lease: Lease, list: Int64?) async throws(WarehouseError) -> AbandonAttempt
}
