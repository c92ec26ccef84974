package import RollcallCore
import Warehouse

/// What a run is asked to do.
package struct RunRequest: Sendable {
    package enum Kind: Sendable, Equatable {
        /// Compare and carry out.
        case new
        /// Carry out a held run as it was staged.
        case approve(runID: String)
        /// Drop a held run.
        case discard(runID: String)
    }

    package var kind = Kind.new
    package var trigger = RunTrigger.manual
    /// Send every member again.
    package var full = false
    /// Send again also those whom Iterable refused permanently.
    package var retryRejected = false
    /// Only the record with this key, or item id: a first try on one record. nil: all. Not of lists.
    package var only: String?
    /// Of events: send also those that were there before the sync began, or were discarded.
    package var backfill: Backfill?
    /// Of events: go on although what their ids are made of has changed.
    package var acceptNewIDs = false
    /// Discard a held run first, and plan again.
    package var forceNew = false
    /// The id of a new run, for those who must know it before; made up when left out. A second run of the same id is
    /// refused by the warehouse.
    package var runID: String?

    package init() {}
}

/// How a request ended.
package enum RunOutcome: Sendable {
    /// The run came to an end, or to a hold; `run.status` says which.
    case ran(SyncRun)
    /// An earlier run is held and waits for a decision; nothing was done.
    case alreadyHeld(SyncRun)
    /// Another process runs this sync now; nothing was done.
    case busy(RunError)
    /// Nothing was begun; there is no run. `isWarehouse`: because the warehouse did not answer, or refused.
    case failed(RunError, isWarehouse: Bool)

    package init(failure error: any Error) {
        self = .failed(RunError(any: error), isWarehouse: error is WarehouseError)
    }
}
