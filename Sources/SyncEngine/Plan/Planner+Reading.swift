import RollcallCore
import Warehouse

/// How the rows of a list's audience are read: all of them, or those of buckets that are not as they were.
extension Planner {
    /// Reads the audience into the difference.
    /// - Parameters:
    ///   - known: what is known of the rows whose buckets the table of the difference keeps.
    ///   - cached: what the local cache holds of the snapshot.
    func readAudience(
        into diff: AudienceDiff, known: BucketReading?, cached: SnapshotReader.Cached?, key: [UInt8]
    ) async throws -> AudienceRead {
        progress(.readingAudience(rows: 0))
        let reading = SourceReading(sync: sync, warehouse: warehouse, clock: clock)
        let choice = try await reading.choice(diff.resend, obstacle: obstacle(diff, cached))
        let read = try await reading.measured(choice, diff.resend) {
            try await stop.breakingOff {
                let onRows: @Sendable (Int) throws -> Void = { [progress, stop] rows in
                    if stop.reason != nil { throw CancellationError() }
                    progress(.readingAudience(rows: rows))
                }
                if choice.usesBuckets, try await streamBuckets(into: diff, known, key, onRows: onRows) { return }
                try await stream(into: diff, columns: diff.columns, onRows: onRows)
            }
        } isWhole: {
            diff.buckets?.isWhole
        }
        progress(.readingAudience(rows: diff.counts.rowsRead))
        return read
    }

    /// Why all rows have to come, in a whole sentence; nil: they need not.
    private func obstacle(_ diff: AudienceDiff, _ cached: SnapshotReader.Cached?) -> String? {
        if diff.fields != nil { return "Members are sent with fields, of which the local cache knows nothing." }
        if cached?.size != nil { return nil }
        guard let cache else { return "There is no folder for a local cache, so all rows were read." }
        if diff.table.count == 0 { return "Nothing of the source was sent yet, so all rows were read." }
        if diff.table.count < cache.leastMembers {
            let least = DisplayText.grouped(cache.leastMembers)
            return "A list of fewer than \(least) members has no local cache, which this needs, so all rows were read."
        }
        return "There was no local cache of the snapshot, so all rows were read."
    }

    /// - Returns: false where the warehouse cannot, and nothing was read.
    private func streamBuckets(
        into diff: AudienceDiff, _ known: BucketReading?, _ key: [UInt8],
        onRows: @escaping @Sendable (Int) throws -> Void
    ) async throws -> Bool {
        let members = diff.table.count(with: .member)
        let grouping = RowGrouping(buckets: RowGrouping.buckets(rows: members, known: known?.digests.count), key: key)
        let basis = basis(of: diff.columns)
        let notes = BucketNotes()
        let feed = DiffFeed(diff, parts: 1, onRows: onRows)
        return try await feed.during {
            try await warehouse.readBuckets(sync.audience, columns: diff.columns, grouping: grouping) {
                found in
                let reading = BucketReading(
                    proof: .init(key: key, text: "rows \(basis)\n\(found.basis)"), digests: found.digests)
                let isUseful = known?.proof == reading.proof && known?.digests.count == reading.digests.count
                let wanted = notes.choose(reading, known: isUseful ? known : nil, in: &diff.table)
                diff.buckets = notes
                diff.passOver(notes.passedOver)
                return wanted
            } _: { email, userID, bucket in
                try feed.row(0, email, userID, bucket: bucket)
            }
        }
    }

    /// What decides beside the rows which people they are.
    private func basis(of columns: IdentifierColumns) -> String {
        let source = SourceReading.words(sync.audience)
        return "\(SourceReading.rules) \(destination.projectType) \([columns.email, columns.userID]) \(source)"
    }
}
