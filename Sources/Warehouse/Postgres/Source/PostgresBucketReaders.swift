import RollcallCore

/// Turns the binary COPY of digests into these.
final class PostgresDigestReader {
    private let reader = BinaryCopyReader()
    private(set) var digests: [BucketDigest]

    init(buckets: Int) { digests = [BucketDigest](repeating: .empty, count: buckets) }

    func read(_ message: UnsafeRawBufferPointer) throws {
        try reader.read(message, fields: 4) { row in
            let numbers = try (0..<4).map { _ in try row.number() }
            guard let bucket = Int(exactly: numbers[0]), digests.indices.contains(bucket) else {
                throw BinaryFieldCursor.broken
            }
            digests[bucket] = BucketDigest(rows: numbers[1], first: numbers[2], second: numbers[3])
        }
    }
}

/// Reads the binary COPY of rows that stand behind their first hash, and perhaps their bucket, and adds the rows up.
final class PostgresBucketRowReader {
    /// Reads the rest of a row, and passes it on.
    typealias Row = (inout BinaryFieldCursor, _ bucket: Int) throws -> Void

    private let reader = BinaryCopyReader()
    private let fields: Int
    private let buckets: Int64
    private let isBucketOfHash: Bool
    private let row: Row
    private(set) var sums: BucketSums

    /// - Parameters:
    ///   - fields: how many of a row `row` reads.
    ///   - isBucketOfHash: whether the bucket is made of the first hash, and does not come.
    init(fields: Int, buckets: Int, isBucketOfHash: Bool, _ row: @escaping Row) {
        self.fields = fields
        self.buckets = Int64(buckets)
        self.isBucketOfHash = isBucketOfHash
        self.row = row
        sums = BucketSums(buckets: buckets)
    }

    func read(_ message: UnsafeRawBufferPointer) throws {
        try reader.read(message, fields: (isBucketOfHash ? 1 : 2) + fields) { cursor in
            let hash = try cursor.number()
            let bucket = Int(isBucketOfHash ? (hash & BucketDigest.modulus) % buckets : try cursor.number())
            sums.add(bucket, hash: hash)
            try row(&cursor, bucket)
        }
    }
}

extension BinaryFieldCursor {
    /// The next field, an integer that is no NULL.
    fileprivate mutating func number() throws -> Int64 {
        guard let field = try field() else { throw Self.broken }
        return try Self.integer(field)
    }
}
