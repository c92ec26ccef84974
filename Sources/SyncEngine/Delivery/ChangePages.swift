import RollcallCore
import Warehouse

/// Cuts the outbox into batches of one operation, within the destination's limits of count and bytes.
struct ChangePages: Sendable {
    private let limits: DestinationLimits
    private let body: BodyLimits
    private var changes: ArraySlice<Change> = []
    /// The last change that was read.
    private(set) var last: Int64 = 0
    /// Whether all changes of the run were read.
    private(set) var isComplete = false

    init(_ limits: DestinationLimits, _ body: BodyLimits) {
        self.limits = limits
        self.body = body
    }

    /// Changes to be read at once: as many as are under way at most, and those of one request more.
    var pageSize: Int { limits.subscribersPerRequest * (limits.concurrentRequests + 1) }

    /// Whether another page should be read by now, so that it is there when it is needed.
    var isLow: Bool { !isComplete && changes.count < max(limits.subscribersPerRequest, pageSize / 2) }

    /// Takes a page that was read after ``last``.
    mutating func add(_ page: [Change]) {
        isComplete = page.count < pageSize
        last = page.last?.sequence ?? last
        changes = (Array(changes) + page)[...]
    }

    /// nil while another page must be read first, and after the last batch.
    mutating func nextBatch() -> [Change]? {
        guard isComplete || changes.count >= limits.subscribersPerRequest, let first = changes.first else { return nil }
        var bytes = body.envelopeBytes
        let batch = changes.prefix(limits.subscribersPerRequest).prefix { change in
            bytes += body.recordBytes(change.identity, change.operation)
            return change.operation == first.operation && (change.notBefore == nil) == (first.notBefore == nil)
                && (bytes <= body.maximumBytes || change.sequence == first.sequence)
        }
        changes = changes.dropFirst(batch.count)
        return Array(batch)
    }
}
