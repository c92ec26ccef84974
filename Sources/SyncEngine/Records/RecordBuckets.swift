import RollcallCore

/// A reading of records by bucket: which buckets are passed over, and what is known of the rows afterwards.
///
/// A bucket is passed over if the engine says the same of it as at its last reading, and as many of its rows are known
/// (``KnownRow``) and would leave nothing behind (``RecordDiff/isUnchanged(_:empty:)``) as it has. What such a row does in the
/// difference, to count and to be met, is done for it before the first row comes; the order of rows decides nothing there, and no
/// JSON is made of an unchanged row, so that from then on nothing differs. See docs/decisions/0031-read-changed.md.
// SAFETY: `choose` is called before the first row, and `add` with each row, by one thread; the planner uses the rest when the reading
// has ended.
final class RecordBuckets: @unchecked Sendable {
    /// Whether all rows come, for nothing of use was known of them.
    let isWhole: Bool
    private let known: KnownRows?
    private var selection: BucketSelection
    /// The rows that came.
    private var found: KnownRows

    /// - Parameters:
    ///   - reading: what the engine says of all buckets now.
    ///   - known: of an earlier reading; of use if that was of the same source and server.
    init(_ reading: BucketReading, known: KnownRows?, parts: KnownRows.Parts) {
        let isUseful =
            known?.reading.proof == reading.proof && known?.reading.digests.count == reading.digests.count
            && known?.parts == parts
        self.known = isUseful ? known : nil
        isWhole = !isUseful
        selection = BucketSelection(buckets: reading.digests.count)
        found = KnownRows(reading: reading, parts: parts)
    }

    /// Says which buckets are wanted, and has the difference take the rows of the others as they were.
    func choose(_ diff: RecordDiff) -> BucketSelection {
        let digests = found.reading.digests
        var unchanged = [Int64](repeating: 0, count: digests.count)
        known?.forEach { row, empty in
            if diff.isUnchanged(row, empty: empty) { unchanged[row.bucket] += 1 }
        }
        for (bucket, digest) in digests.enumerated() where digest.rows > 0 {
            let isPassedOver = known?.reading.digests[bucket] == digest && unchanged[bucket] == digest.rows
            if !isPassedOver { selection.insert(bucket) }
        }
        known?.forEach { row, _ in
            if isPassedOver(row) { diff.passOver(row) }
        }
        return selection
    }

    /// Whether the bucket of a row is passed over. Of one without rows nothing is known any more.
    private func isPassedOver(_ row: KnownRow) -> Bool {
        found.reading.digests[row.bucket].rows > 0 && !selection.contains(row.bucket)
    }

    /// Notes a valid row.
    func add(_ row: KnownRow, empty: FieldBits) { found.append(row, empty: empty) }

    /// What is to be kept of the reading once it has ended; nil: what was known before, for the rows are the same.
    /// - Parameter contested: records with several rows, or that share an identifier; see ``RecordDiff/contested``.
    func end(contested: Set<Fingerprint>) -> KnownRows? {
        if let known, known.reading == found.reading { return nil }
        var kept = KnownRows(reading: found.reading, parts: found.parts)
        func keep(_ row: KnownRow, _ empty: FieldBits) {
            if !contested.contains(row.fingerprint) { kept.append(row, empty: empty) }
        }
        known?.forEach { row, empty in
            if isPassedOver(row) { keep(row, empty) }
        }
        found.forEach(keep)
        return kept
    }
}
