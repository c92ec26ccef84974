/// How the rows of a source are grouped by the engine that has them: each row falls into one bucket, by a keyed hash of one of its
/// identifiers, or of a catalog's key, in the bytes that the row has.
package struct RowGrouping: Sendable, Equatable {
    /// Rows in a bucket, on average, when the number of buckets is chosen.
    package static let rowsPerBucket = 64
    /// With fewer or more than these rows in a bucket the number of buckets is chosen again.
    package static let usefulRowsPerBucket = 52...80
    /// Most buckets: what is said of all of them stays small beside ten million rows.
    package static let mostBuckets = 1 << 18

    /// Buckets, 1 to ``mostBuckets``.
    package let buckets: Int
    /// Seeds of the hash that gives the bucket, and of the two whose sums over a bucket are its digest.
    package let seeds: [Int64]

    /// - Parameter key: the sync's 16 secret bytes; whoever does not know them cannot choose rows whose digests are equal.
    package init(buckets: Int, key: [UInt8]) {
        self.buckets = min(max(buckets, 1), Self.mostBuckets)
        let hash = SipHash(key: key)
        seeds = (0..<3).map { number in
            Array("bucket \(number)".utf8).withUnsafeBytes { Int64(bitPattern: hash.hash($0).0) }
        }
    }

    /// How many buckets an audience of about this many rows is grouped into.
    /// - Parameter known: into how many it was grouped before; kept while they hold a useful number of rows.
    package static func buckets(rows: Int, known: Int? = nil) -> Int {
        let fresh = min(max(rows / rowsPerBucket, 1), mostBuckets)
        guard let known, known > 0 else { return fresh }
        return known == fresh || usefulRowsPerBucket.contains(rows / known) ? known : fresh
    }
}

/// What the engine says of one bucket: how many rows it has, and two sums of keyed 64-bit hashes of them, each modulo 2⁶³ - 1.
///
/// Other rows have the same digest with a probability of about 2⁻¹⁰⁸, as 18 bits of the first hash may be the number of the bucket:
/// for the 262,144 buckets of a run about 10⁻²⁷. Sums rather than exclusive ors, for of these two equal rows would leave no trace.
package struct BucketDigest: Sendable, Equatable, BitwiseCopyable {
    package var rows: Int64
    package var first: Int64
    package var second: Int64

    package init(rows: Int64 = 0, first: Int64 = 0, second: Int64 = 0) {
        self.rows = rows
        self.first = first
        self.second = second
    }

    /// A bucket without rows.
    package static let empty = BucketDigest()
    /// Sums are modulo this.
    package static let modulus = Int64.max
}

/// Adds up the rows of buckets as they come, to be compared with the digests: digests and rows take two statements, and one view is
/// not one result, for a query may choose rows by chance or by an order that leaves a choice.
package struct BucketSums: Sendable {
    private var rows: [Int64]
    private var sums: [Int64]

    package init(buckets: Int) {
        rows = [Int64](repeating: 0, count: buckets)
        sums = rows
    }

    /// Adds a row.
    /// - Parameter hash: the one whose sum is ``BucketDigest/first``.
    package mutating func add(_ bucket: Int, hash: Int64) {
        guard rows.indices.contains(bucket) else { return }
        rows[bucket] += 1
        let sum = UInt64(sums[bucket]) + UInt64(Self.rest(hash))
        sums[bucket] = Int64(sum % UInt64(BucketDigest.modulus))
    }

    /// Whether the rows that came are those of the digests of the buckets that were wanted. Rows of others make it false.
    package func agree(with digests: [BucketDigest], of wanted: BucketSelection) -> Bool {
        rows.indices.allSatisfy { bucket in
            guard wanted.contains(bucket) else { return rows[bucket] == 0 }
            return rows[bucket] == digests[bucket].rows && sums[bucket] == Self.rest(digests[bucket].first)
        }
    }

    /// From 0 to below the modulus; an engine gives a rest the sign of the sum.
    private static func rest(_ number: Int64) -> Int64 {
        let rest = number % BucketDigest.modulus
        return rest < 0 ? rest + BucketDigest.modulus : rest
    }
}

/// Numbers of buckets whose rows are wanted.
package struct BucketSelection: Sendable, Equatable {
    /// A bit for each bucket, the lowest of each byte first.
    package private(set) var bits: [UInt8]
    /// How many are selected.
    package private(set) var count = 0

    package init(buckets: Int) { bits = [UInt8](repeating: 0, count: (buckets + 7) / 8) }

    package func contains(_ bucket: Int) -> Bool { bits[bucket / 8] >> UInt8(bucket % 8) & 1 == 1 }

    package mutating func insert(_ bucket: Int) {
        guard !contains(bucket) else { return }
        bits[bucket / 8] |= 1 << UInt8(bucket % 8)
        count += 1
    }
}
