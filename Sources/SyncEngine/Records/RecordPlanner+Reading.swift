import RollcallCore
import Warehouse

/// How the rows of users and catalogs are read: all of them, or those of buckets that are not as they were.
extension RecordPlanner {
    /// Reads the source into the difference.
    /// - Parameters:
    ///   - key: the sync's secret key for fingerprints.
    ///   - salt: see ``Circumstances/salt``.
    func readSource(
        into diff: RecordDiff, _ shape: RecordShape, key: [UInt8], salt: String, _ scope: PlanScope
    ) async throws -> AudienceRead {
        let reading = SourceReading(sync: sync, warehouse: warehouse, clock: clock)
        let choice = try await reading.choice(scope, obstacle: obstacle(diff, scope))
        return try await reading.measured(choice, scope) {
            if choice.usesBuckets { try await readBuckets(into: diff, shape, key: key, salt: salt) }
            if diff.buckets == nil { try await read(shape.columns, into: diff) }
        } isWhole: {
            diff.buckets?.isWhole
        }
    }

    /// Why all rows have to come, in a whole sentence; nil: they need not.
    private func obstacle(_ diff: RecordDiff, _ scope: PlanScope) -> String? {
        if scope.only != nil { return "A run for one record reads all rows." }
        if cache == nil { return "There is no folder for a local cache, so all rows were read." }
        return diff.table.count == 0 ? "Nothing of the source was sent yet, so all rows were read." : nil
    }

    /// Reads the rows by bucket. Where the warehouse cannot, nothing is read, and the difference has no buckets.
    private func readBuckets(
        into diff: RecordDiff, _ shape: RecordShape, key: [UInt8], salt: String
    ) async throws {
        progress(.readingAudience(rows: 0))
        let known = await knownRows(key)
        let buckets = RowGrouping.buckets(rows: diff.table.count, known: known?.reading.digests.count)
        let basis = Self.basis(shape, salt, sync.audience)
        try await stop.breakingOff {
            let feed = feed(shape.columns, into: diff)
            _ = try await feed.during {
                try await warehouse.readRecordBuckets(
                    sync.audience, columns: shape.columns, grouping: RowGrouping(buckets: buckets, key: key)
                ) { found in
                    let reading = BucketReading(
                        proof: Fingerprint(key: key, text: "record rows \(basis)\n\(found.basis)"),
                        digests: found.digests)
                    let buckets = RecordBuckets(reading, known: known, parts: diff.knownParts)
                    diff.buckets = buckets
                    return buckets.choose(diff)
                } _: { email, userID, cells, bucket in
                    try feed.row(email, userID, cells, bucket: bucket)
                }
            }
        }
        progress(.readingAudience(rows: diff.counts.rowsRead))
    }

    /// What decides beside the rows which records they are and what they hold: the same text in every process.
    static func basis(_ shape: RecordShape, _ salt: String, _ source: AudienceSource) -> String {
        [
            SourceReading.rules, "\(shape.subject)", "\(shape.columns)", "\(shape.layout.fields)", salt,
            SourceReading.words(source),
        ].joined(separator: "\n")
    }

    // MARK: The local cache

    private func knownRows(_ key: [UInt8]) async -> KnownRows? {
        guard let file = cache?.rows(sync: sync.name, key: key), let size = file.size else { return nil }
        if size <= BlockingWork.instantBytes { return file.load() }
        return try? await BlockingWork.run { file.load() }
    }

    /// Keeps what is known of the rows, where they were read by bucket and are not as they were. Where that fails, the next run reads
    /// more rows than it would have to.
    func keepRows(of diff: RecordDiff, key: [UInt8]) async {
        guard let rows = diff.buckets?.end(contested: diff.contested), let cache, cache.prepare() else { return }
        let file = cache.rows(sync: sync.name, key: key)
        do {
            if KnownRowsFile.size(of: rows) <= BlockingWork.instantBytes {
                try file.save(rows)
            } else {
                try await BlockingWork.run { try file.save(rows) }
            }
        } catch {
            return
        }
        cache.removeAbandoned(before: file.path)
    }
}
