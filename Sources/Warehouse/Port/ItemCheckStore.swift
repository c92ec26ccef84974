package import Foundation
package import RollcallCore

/// The items of catalogs that are read back some time after Iterable accepted them. The rules of ``Warehouse`` hold.
package protocol ItemCheckStore: Sendable {
    /// Checks of items that were accepted at `time` or earlier, or noted then where nothing is known of the acceptance: first those that
    /// have failed before, then the latest.
    func itemChecks(sync: String, acceptedBefore time: Date, limit: Int) async throws(WarehouseError) -> [ItemCheck]
    /// Writes what a plan knows of checks. A check takes the place of an earlier one of its item and content. Nothing is accepted until
    /// ``acceptItemChecks(_:run:)`` says so.
    ///
    /// Of items that are put again nothing is known any more: their content becomes 0, if it is that of the check, until Iterable has
    /// accepted them again. Where that fails, the next run puts them as it would after a change.
    ///
    /// Items that are set aside become `rejected` with the reason, if they are `synced` with the content of the check; they are still
    /// taken for being in Iterable.
    func noteItemChecks(_ lease: Lease, run id: String, _ notes: ItemCheckNotes) async throws(WarehouseError)
    /// Notes that what the run has put is accepted by now: of its checks those whose item is `synced` with the content of the check.
    func acceptItemChecks(_ lease: Lease, run id: String) async throws(WarehouseError)
}

/// An item that is to be read back: a row of `item_checks`.
package struct ItemCheck: Sendable, Equatable {
    package var fingerprint: Fingerprint
    /// The hash of what was put.
    package var content: Int64
    /// Whether the item was put again because it was not as it had been put. Of one that is due, Iterable has accepted that too.
    package var hasFailed: Bool

    package init(fingerprint: Fingerprint, content: Int64, hasFailed: Bool = false) {
        self.fingerprint = fingerprint
        self.content = content
        self.hasFailed = hasFailed
    }
}

/// What becomes of checks.
package struct ItemCheckNotes: Sendable, Equatable {
    /// Items that the run puts, and that are to be read back by a later one.
    package var added: [ItemCheck] = []
    /// Checks that are over.
    package var done: [ItemCheck] = []
    /// Items that are not put any more until their row changes. Their checks are over too.
    package var setAside: [ItemCheck] = []
    /// Whether the run is held. Of items that it is to put again what is known stays known then, and their checks are due as if they had
    /// not failed, until the run is approved (``RunStore/resumeHeldRun(_:id:)``).
    package var isHeld = false
    /// Why.
    package var reason = FailureReason(code: "not_verified", reason: "")

    package init() {}

    package var isEmpty: Bool { added.isEmpty && done.isEmpty && setAside.isEmpty }
}
