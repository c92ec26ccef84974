/// What a plan is about beside what changed.
struct PlanScope: Sendable {
    /// Whether what is unchanged is sent again.
    var full = false
    /// Whether what Iterable refused for good is sent again.
    var rejected = false
    /// Only the record with this key, or item id; nil: all. Not of lists.
    var only: String?
    /// Of events: those that were there before the sync began, or were discarded, are sent.
    var backfill: Backfill?
    /// Whether rows are read without digests, since at an earlier attempt they were not those of their digests.
    var ungrouped = false
}

/// Which earlier events are sent.
package enum Backfill: Sendable, Equatable {
    case all
    /// Those that happened within these seconds before now.
    case seconds(Int)
}
