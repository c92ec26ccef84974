import Foundation
import RollcallCore
import Warehouse

/// What a stream of one kind of record looks for, and remembers from look to look while it holds the lease. ``StreamRow`` asks it
/// whether a look is due, has it look, stages and sends what was found, and says when all of that has an outcome.
protocol StreamSource: Sendable {
    /// What the stream sends to, as it was found last.
    var found: any FoundTarget { get }
    /// Where the cursor stands; nil: not known yet.
    var cursor: EventCursor? { get }
    var pace: StreamPace { get set }

    /// Begins another row of `sync_runs`.
    /// - Parameter found: at its beginning.
    mutating func beginRow(_ found: any FoundTarget, _ context: RunContext) async throws
    /// Decides on the next look.
    /// - Parameters:
    ///   - run: the row, with its counts.
    ///   - mayHaveChanged: whether anything may have been committed since this was asked last.
    /// - Returns: whether it is to be made; if not, nothing can be new, as nothing was committed since all was read.
    mutating func isDue(_ run: SyncRun, mayHaveChanged: Bool, _ context: RunContext) -> Bool
    /// Makes the look that is due. It may be called again where it fails.
    mutating func look(_ context: RunContext) async throws -> StreamFinding
    /// Notes a look of which everything has an outcome.
    /// - Parameters:
    ///   - ending: of the delivery.
    ///   - began: when the look began, on the monotonic clock.
    mutating func looked(
        _ finding: StreamFinding, _ ending: Delivery.Ending, began: Duration, _ context: RunContext
    ) async throws
}

/// What a look has found.
struct StreamFinding: Sendable {
    var plan: Plan
    /// Whether nothing would be written but, perhaps, where the cursor stands.
    var isEmpty: Bool
    /// How many records are sent that no earlier run or look has begun to send.
    var newRecords: Int
    /// The lowest position of the new records, in microseconds; nil: there are none, or positions are no times.
    var oldest: Int64?
    /// Whether the source has more than was read.
    var isCut: Bool
    /// Where the cursor stands once everything has an outcome; nil: where it stood.
    var cursor: EventCursor?
    /// How many records wait once the look is done; nil: those of before and those of the plan.
    var waiting: Int?
    /// Whether what is sent to was looked for again.
    var isFoundAgain = false
    /// Gives the changes numbers above one.
    let reader: @Sendable (_ sequence: Int64) throws -> any NumberedPlan
}

/// A plan that gives its changes numbers.
protocol NumberedPlan: StagedPlan {
    /// Of the last change that was given.
    var sequence: Int64 { get }
}
