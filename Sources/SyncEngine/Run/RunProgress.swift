package import RollcallCore

/// What a run is busy with, for progress bars and live pages.
package enum RunProgress: Sendable, Equatable {
    /// The run has its row; or it was held and continues.
    case opened(SyncRun)
    /// Deliveries so far.
    case requests(RequestCounts)
    case readingSnapshot
    case readingAudience(rows: Int)
    case staging(changes: Int)
    /// `done` of `total` changes have an outcome.
    case sending(done: Int, total: Int)
    /// Waits, until a lost request can no longer land or for another try.
    case waiting(seconds: Double, reason: String)
    /// What a person should know, in a whole sentence.
    case note(String)
    case finishing
}

/// Called from any task; must not block.
package typealias ProgressHandler = @Sendable (RunProgress) -> Void
