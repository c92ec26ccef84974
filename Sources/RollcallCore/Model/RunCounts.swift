package import Foundation

/// A number for each operation; those of other kinds are 0.
package struct PerOperation: Sendable, Equatable {
    package var subscribe = 0
    package var unsubscribe = 0
    package var put = 0
    package var delete = 0
    package var update = 0
    package var rename = 0
    package var clear = 0
    package var track = 0

    package init() {}

    package init(subscribe: Int, unsubscribe: Int = 0) {
        self.subscribe = subscribe
        self.unsubscribe = unsubscribe
    }

    package init(unsubscribe: Int) { self.unsubscribe = unsubscribe }

    package init(put: Int, delete: Int = 0) {
        self.put = put
        self.delete = delete
    }

    package subscript(operation: Operation) -> Int {
        get { self[keyPath: Self.path(operation)] }
        set { self[keyPath: Self.path(operation)] = newValue }
    }

    private static func path(_ operation: Operation) -> WritableKeyPath<PerOperation, Int> {
        switch operation {
        case .subscribe: \.subscribe
        case .unsubscribe: \.unsubscribe
        case .put: \.put
        case .delete: \.delete
        case .update: \.update
        case .rename: \.rename
        case .clear: \.clear
        case .track: \.track
        }
    }

    package var total: Int { total(.put) + total(.remove) }

    /// Of all operations of a direction; a run has one.
    package func total(_ direction: Direction) -> Int {
        switch direction {
        case .put: subscribe + put + update + rename + track
        case .remove: unsubscribe + delete + clear
        }
    }
}

/// The accounting of one run. All are counts of records, never negative.
///
/// In every ended run `rowsRead == invalid + duplicates + excluded + audience`, and for each operation
/// `planned == succeeded + failed + notAttempted + unknown`.
package struct RunCounts: Sendable, Equatable {
    package var rowsRead = 0
    package var invalid = 0
    package var duplicates = 0
    /// Valid rows that the configuration leaves out.
    package var excluded = 0
    package var audience = 0
    package var unchanged = 0
    /// Records that are not sent yet because something else must happen first.
    package var waiting = 0
    /// Of events: those that are sent although their cursor lies before what a run usually reads.
    package var late = 0
    /// Of catalogs: items that were read back and are as they were put.
    package var verified = 0
    /// Of catalogs: items that were read back and are not.
    package var notVerified = 0
    package var planned = PerOperation()
    package var succeeded = PerOperation()
    package var failed = PerOperation()
    package var notAttempted = PerOperation()
    package var unknown = PerOperation()

    package init() {}

    /// Whether each row that was read has its place.
    package var rowsBalance: Bool { rowsRead == invalid + duplicates + excluded + audience }

    /// Whether the equations above hold.
    package var balances: Bool {
        rowsBalance && Operation.allCases.allSatisfy { remainder($0) == 0 }
            && [rowsRead, invalid, duplicates, excluded, audience, unchanged, waiting, late, verified, notVerified]
                .allSatisfy { $0 >= 0 }
            && Operation.allCases.allSatisfy { notAttempted[$0] >= 0 && unknown[$0] >= 0 }
    }

    /// Planned records that have no outcome and are not counted as not attempted either.
    package func remainder(_ operation: Operation) -> Int {
        planned[operation] - succeeded[operation] - failed[operation] - unknown[operation] - notAttempted[operation]
    }

    /// Adds what another plan counts to those of a run that goes on, as a stream's does.
    package mutating func add(_ other: RunCounts) {
        for number in Self.numbers { self[keyPath: number] += other[keyPath: number] }
        for group in Self.groups {
            for operation in Operation.allCases {
                self[keyPath: group][operation] += other[keyPath: group][operation]
            }
        }
    }

    private static var numbers: [WritableKeyPath<RunCounts, Int>] {
        [
            \.rowsRead, \.invalid, \.duplicates, \.excluded, \.audience, \.unchanged, \.waiting, \.late, \.verified,
            \.notVerified,
        ]
    }

    private static var groups: [WritableKeyPath<RunCounts, PerOperation>] {
        [\.planned, \.succeeded, \.failed, \.notAttempted, \.unknown]
    }

    /// Counts planned records as failed, which so far count as not attempted (in a run that is staged) or as nothing (in one that was
    /// held).
    package mutating func addFailed(_ records: PerOperation) {
        for operation in Operation.allCases {
            failed[operation] += records[operation]
            notAttempted[operation] = max(0, notAttempted[operation] - records[operation])
        }
    }

    /// What has no outcome was not attempted.
    package mutating func closeRecords() {
        for operation in Operation.allCases {
            notAttempted[operation] = max(0, notAttempted[operation] + remainder(operation))
        }
    }

    /// What has no outcome may have been sent.
    package mutating func doubtRecords() {
        for operation in Operation.allCases { unknown[operation] += max(0, remainder(operation)) }
    }
}

// MARK: As it is stored

/// What a run did with one operation: a row of `sync_run_counts`.
private struct OperationCounts: Codable {
    var planned: Int
    var succeeded: Int
    var failed: Int
    var notAttempted: Int
    var unknown: Int

    enum CodingKeys: String, CodingKey {
        case planned, succeeded, failed
        case notAttempted = "not_attempted"
        case unknown
    }

    init(planned: Int, succeeded: Int, failed: Int, notAttempted: Int, unknown: Int) {
        self.planned = planned
        self.succeeded = succeeded
        self.failed = failed
        self.notAttempted = notAttempted
        self.unknown = unknown
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func count(_ key: CodingKeys) throws -> Int { try container.decodeIfPresent(Int.self, forKey: key) ?? 0 }
        self.init(
            planned: try count(.planned), succeeded: try count(.succeeded), failed: try count(.failed),
            notAttempted: try count(.notAttempted), unknown: try count(.unknown))
    }
}

extension RunCounts {
    /// The counts of all operations of a kind as a JSON object: `{"subscribe":{"planned":3,…},…}`, as the state tables keep
    /// them.
    package func operationsJSON(of kind: RecordKind) throws -> String {
        var counted: [String: OperationCounts] = [:]
        for operation in kind.operations {
            counted[operation.rawValue] = OperationCounts(
                planned: planned[operation], succeeded: succeeded[operation], failed: failed[operation],
                notAttempted: notAttempted[operation], unknown: unknown[operation])
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(counted), as: UTF8.self)
    }

    /// Takes the counts by operation from the JSON object of ``operationsJSON(of:)``. Operations that this version does not know are
    /// left out; a number that is not there is 0.
    package mutating func readOperations(_ json: String) throws {
        let stored = try JSONDecoder().decode([String: OperationCounts].self, from: Data(json.utf8))
        (planned, succeeded, failed) = (PerOperation(), PerOperation(), PerOperation())
        (notAttempted, unknown) = (PerOperation(), PerOperation())
        for (name, counts) in stored {
            guard let operation = Operation(rawValue: name) else { continue }
            planned[operation] = counts.planned
            succeeded[operation] = counts.succeeded
            failed[operation] = counts.failed
            notAttempted[operation] = counts.notAttempted
            unknown[operation] = counts.unknown
        }
    }

    /// As ``readOperations(_:)`` for the run of a list, whose columns say the same: where the two differ, an earlier version has
    /// written the run since, which knows the columns alone.
    package mutating func readListOperations(_ json: String) {
        var stored = self
        guard (try? stored.readOperations(json)) != nil, stored.planned == planned, stored.succeeded == succeeded,
            stored.failed == failed, stored.notAttempted.total == notAttempted.total,
            stored.unknown.total == unknown.total
        else { return }
        self = stored
    }

    /// Takes what an earlier version counted for both operations together: what is unknown is taken for subscribes first, as the
    /// migration does it.
    package mutating func readTotals(notAttempted total: Int, unknown: Int) {
        let others = max(0, planned.subscribe - succeeded.subscribe - failed.subscribe)
        self.unknown.subscribe = min(unknown, others)
        self.unknown.unsubscribe = unknown - self.unknown.subscribe
        notAttempted.subscribe = min(total, others - self.unknown.subscribe)
        notAttempted.unsubscribe = total - notAttempted.subscribe
    }
}

// MARK: Runs whose process ended

extension SyncRun {
    /// Closes a run whose process ended, balanced whatever it had counted so far.
    /// - Parameter unknown: how many of its records may have been sent and had no outcome yet.
    package mutating func interrupt(unknown: PerOperation, at now: Date) {
        counts.rowsRead = counts.invalid + counts.duplicates + counts.excluded + counts.audience
        for operation in Operation.allCases {
            counts.unknown[operation] += unknown[operation]
            counts.notAttempted[operation] = 0
            let rest = counts.remainder(operation)
            counts.notAttempted[operation] = max(0, rest)
            // Only where the counts were wrong before.
            counts.planned[operation] += max(0, -rest)
        }
        status = .interrupted
        finishedAt = now
    }
}
