import RollcallCore

/// What a reading by buckets finds out: which buckets are passed over, and in which one each member's row lies.
///
/// A bucket is passed over if the engine says the same of it as at its last reading, and it has as many acknowledged members as
/// rows. For of a member who has a bucket exactly one row was there then (``MemberTable/bucket(of:)``): each row of such a bucket is
/// that of one acknowledged member, whom it would do nothing to but mark as seen. See docs/decisions/0031-read-changed.md.
// SAFETY: `choose` is called before the first row, by one thread; the planner uses the rest when the reading has ended.
final class BucketNotes: @unchecked Sendable {
    /// What is known of the rows now; set by ``choose(_:_:)``.
    private(set) var reading = BucketReading(proof: Fingerprint(high: 0, low: 0), digests: [])
    /// Whether all rows come, for nothing of use was known of them.
    private(set) var isWhole = true
    private(set) var selection = BucketSelection(buckets: 0)
    /// How many members lie in buckets that are passed over, each of them with one row.
    private(set) var passedOver = 0
    private var known: BucketReading?

    /// Says which buckets are wanted, and marks the members of the others as seen.
    /// - Parameters:
    ///   - found: what the engine says of all buckets now.
    ///   - known: what was known of them, if that is of the same source and server; nil: all are wanted.
    func choose(_ found: BucketReading, known: BucketReading?, in table: inout MemberTable) -> BucketSelection {
        reading = found
        selection = BucketSelection(buckets: found.digests.count)
        self.known = known
        isWhole = known == nil
        if !table.keepsBuckets || isWhole { table.keepBuckets() }
        let members = table.acknowledgedMembers(buckets: found.digests.count)
        for (bucket, digest) in found.digests.enumerated() {
            if let known, digest == known.digests[bucket], digest.rows == members[bucket] {
                passedOver += Int(digest.rows)
            } else if digest.rows > 0 {
                selection.insert(bucket)
            }
        }
        if let known {
            table.passOver { found.digests[$0] == known.digests[$0] && found.digests[$0].rows == members[$0] }
        }
        return selection
    }

    /// What to keep of the reading, once it has ended and shared identifiers are marked.
    /// - Parameter limit: of entries whose bucket is another one now; with more of them nothing is kept but the whole.
    func end(_ table: inout MemberTable, limit: Int) -> BucketFindings {
        var findings = BucketFindings(reading: reading, isWhole: isWhole)
        if let known {
            for (bucket, digest) in reading.digests.enumerated() where digest != known.digests[bucket] {
                findings.digests.append((bucket, digest))
            }
        }
        let isWhole = isWhole
        table.endReading { fingerprint, marks, bucket in
            // Of a whole reading the members are kept with the table itself.
            let isMember = marks.contains(.member)
            if isMember ? isWhole : bucket == nil { return }
            if findings.entries.count <= limit {
                let kept = marks.intersection([.used, .member, .listed, .rejected, .inDoubt])
                findings.entries[fingerprint] = BucketFindings.Entry(
                    marks: isMember ? kept : nil, bucket: BucketChange(bucket))
            }
        }
        findings.isTooMuch = findings.entries.count > limit
        return findings
    }
}

/// What a reading by buckets has found out, for the local cache.
struct BucketFindings: Sendable {
    let reading: BucketReading
    /// Whether all rows came.
    let isWhole: Bool
    /// Of buckets of which something else was known before.
    var digests: [(bucket: Int, digest: BucketDigest)] = []
    /// Entries whose bucket is another one than before; of a whole reading those that were no members.
    var entries: [Fingerprint: Entry] = [:]
    /// Whether there are more entries than are worth noting one by one.
    var isTooMuch = false

    struct Entry {
        /// As on the snapshot, before the run; nil: no member.
        var marks: MemberTable.Marks?
        var bucket: BucketChange
    }

    var isEmpty: Bool { digests.isEmpty && entries.isEmpty }

    /// Brings a table to these findings that has what was known before.
    func apply(to table: LoadedTable) {
        for (bucket, digest) in digests { table.reading?.digests[bucket] = digest }
        for (fingerprint, entry) in entries { entry.bucket.apply(to: fingerprint, in: &table.value) }
    }

    init(reading: BucketReading, isWhole: Bool) {
        self.reading = reading
        self.isWhole = isWhole
    }
}
