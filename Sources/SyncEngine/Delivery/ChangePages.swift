import RollcallCore
import Warehouse

/// Cuts the outbox into batches of one operation, within the destination's limits of count and bytes.
struct ChangePages: Sendable {
    /// Records in one request, at most.
    private let records: Int
    /// The same of one operation.
    private let recordsOf: @Sendable (RollcallCore.Operation) -> Int
    private let body: BodyLimits
    /// Changes to be read at once: of members as many as are under way at most, and those of one request more; of records
    /// with content, which may be large, those of two requests.
    let pageSize: Int
    private var changes: ArraySlice<Change> = []
    /// The last change that was read.
    private(set) var last: Int64
    /// Whether all changes of the run were read.
    private(set) var isComplete = false

    /// - Parameters:
    ///   - hasContents: whether records come with objects.
    ///   - sequence: changes up to this one have their outcomes.
    ///   - recordsOf: records in one request, at most, of an operation.
    init(
        _ limits: DestinationLimits, _ body: BodyLimits, _ kind: RecordKind, hasContents: Bool,
        after sequence: Int64 = 0,
        recordsOf: @escaping @Sendable (RollcallCore.Operation) -> Int
    ) {
        self.body = body
        last = sequence
        records = limits.recordsPerRequest(kind)
        self.recordsOf = recordsOf
        pageSize = records * (hasContents ? 2 : limits.concurrentRequests + 1)
    }

    /// Whether another page should be read by now, so that it is there when it is needed.
    var isLow: Bool { !isComplete && changes.count < max(records, pageSize / 2) }

    /// Takes a page that was read after ``last``.
    mutating func add(_ page: [Change]) {
        isComplete = page.count < pageSize
        last = page.last?.sequence ?? last
        changes = (Array(changes) + page)[...]
    }

    /// nil while another page must be read first, and after the last batch.
    mutating func nextBatch() -> [Change]? {
        guard isComplete || changes.count >= records, let first = changes.first else { return nil }
        var bytes = body.envelopeBytes
        let batch = changes.prefix(recordsOf(first.operation)).prefix { change in
            bytes += body.recordBytes(change)
            return change.operation == first.operation && Self.goTogether(first, change)
                && (bytes <= body.maximumBytes || change.sequence == first.sequence)
        }
        changes = changes.dropFirst(batch.count)
        return Array(batch)
    }

    /// What must wait goes apart from what need not. Of what goes last, no two places share a request: the second one needs an
    /// address that is free only once the first one was carried out.
    private static func goTogether(_ first: Change, _ other: Change) -> Bool {
        if first.goesLast || other.goesLast { return first.notBefore == other.notBefore }
        return (first.notBefore == nil) == (other.notBefore == nil)
    }
}
