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
        let choice = try await choice(diff, cached)
        let meter = ReadMeter()
        let start = clock.uptime
        try await ReadMeter.$current.withValue(meter) {
            try await stop.breakingOff {
                let onRows: @Sendable (Int) throws -> Void = { [progress, stop] rows in
                    if stop.reason != nil { throw CancellationError() }
                    progress(.readingAudience(rows: rows))
                }
                if choice.usesBuckets, try await streamBuckets(into: diff, known, key, onRows: onRows) { return }
                try await stream(into: diff, columns: diff.columns, onRows: onRows)
            }
        }
        progress(.readingAudience(rows: diff.counts.rowsRead))
        let (mode, reason) = outcome(diff, choice)
        return AudienceRead(mode: mode, bytes: meter.bytes, seconds: (clock.uptime - start).seconds, reason: reason)
    }

    private func outcome(_ diff: AudienceDiff, _ choice: ReadChoice) -> (AudienceRead.Mode, String) {
        guard let notes = diff.buckets else {
            if choice.usesBuckets {
                return (.fallback, "The warehouse could not give digests and rows in one view, so all rows were read.")
            }
            return (diff.resend.ungrouped ? .fallback : .all, choice.reason)
        }
        guard notes.isWhole else { return (.changed, choice.reason) }
        return (
            .grouped,
            "The local cache knew nothing of the rows of this source and mapping, so all were read, each with its bucket."
        )
    }

    private func choice(_ diff: AudienceDiff, _ cached: SnapshotReader.Cached?) async throws -> ReadChoice {
        if sync.read == .all { return ReadChoice(usesBuckets: false, reason: "All rows are read each time.") }
        if diff.resend.full { return ReadChoice(usesBuckets: false, reason: "A full run reads all rows.") }
        if diff.resend.rejected {
            return ReadChoice(usesBuckets: false, reason: "A run that sends rejected people again reads all rows.")
        }
        if diff.resend.ungrouped {
            return ReadChoice(
                usesBuckets: false,
                reason: "The source gave other rows than those of its digests, in the same view, so all rows were read."
            )
        }
        if diff.fields != nil {
            return ReadChoice(
                usesBuckets: false, reason: "Members are sent with fields, of which the local cache knows nothing.")
        }
        guard cached?.size != nil else {
            return ReadChoice(
                usesBuckets: false, reason: "There was no local cache of the snapshot, so all rows were read.")
        }
        if sync.read == .changed {
            return ReadChoice(usesBuckets: true, reason: "What changed is read, as configured.")
        }
        let runs = try await warehouse.runs(RunFilter(sync: sync.name, limit: ReadChoice.history))
        return ReadChoice.auto(runs.compactMap(\.read))
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
        do {
            let isRead = try await warehouse.readBuckets(sync.audience, columns: diff.columns, grouping: grouping) {
                found in
                let reading = BucketReading(
                    proof: .init(key: key, text: "\(basis)\n\(found.basis)"), digests: found.digests)
                let isUseful = known?.proof == reading.proof && known?.digests.count == reading.digests.count
                let wanted = notes.choose(reading, known: isUseful ? known : nil, in: &diff.table)
                diff.buckets = notes
                diff.passOver(notes.passedOver)
                return wanted
            } _: { email, userID, bucket in
                try feed.row(0, email, userID, bucket: bucket)
            }
            guard isRead else { return false }
        } catch {
            feed.stop()
            throw error
        }
        try feed.finish()
        return true
    }

    /// What decides beside the rows which people they are. Gets another number when identifiers are normalised in another way.
    private func basis(of columns: IdentifierColumns) -> String {
        let source =
            switch sync.audience {
            case .table(let parts): "table \(parts)"
            case .query(let query, _): "query \(query)"
            }
        return "1 \(destination.projectType) \([columns.email, columns.userID]) \(source)"
    }
}

extension Fingerprint {
    /// A keyed hash of a text.
    fileprivate init(key: [UInt8], text: String) {
        let (high, low) = Array("rows \(text)".utf8).withUnsafeBytes { SipHash(key: key).hash($0) }
        self.init(high: high, low: low)
    }
}
