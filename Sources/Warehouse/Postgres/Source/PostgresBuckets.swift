import RollcallCore

/// The statements that group the rows of an audience: SQL that every server of a distributed engine computes alike, for it uses
/// nothing but hash functions of PostgreSQL (version 11 and later) on the bytes of texts in collation C.
struct PostgresBuckets {
    /// The audience as an item of FROM.
    let relation: String
    let columns: [PostgresColumn]
    let grouping: RowGrouping
    /// Of a server whose texts are not UTF-8.
    let encoding: PostgresEncoding?

    /// A sum is given back in eight bytes: modulo 2⁶³ - 1.
    private static let modulus = "\(BucketDigest.modulus)"

    /// One row for each bucket that has rows: its number, how many rows it has, and the two sums. `sum` of `bigint` is a
    /// `numeric`, which nothing overflows.
    var digests: String {
        let sums = grouping.seeds[1...].map { "(pg_catalog.sum(\(hash($0))) % \(Self.modulus))::pg_catalog.int8" }
        return "SELECT \(bucket), pg_catalog.count(*), \(sums.joined(separator: ", ")) FROM \(relation) GROUP BY 1"
    }

    /// The columns of each row in a bucket that is wanted, its bucket and its first hash.
    func rows(_ wanted: BucketSelection) -> String {
        let list = columns.map { $0.expression(encoding) } + [bucket, hash(grouping.seeds[1])]
        let all = "SELECT \(list.joined(separator: ", ")) FROM \(relation)"
        if wanted.count == grouping.buckets { return all }
        let bits = "pg_catalog.decode('\(wanted.bits.hexadecimal)', 'hex')"
        return "\(all) WHERE pg_catalog.get_bit(\(bits), \(bucket)) = 1"
    }

    /// SQL for the number of a row's bucket: by one column that is no NULL, of those whose hash costs least. It is computed for
    /// every row of both statements, and need only spread the rows.
    private var bucket: String {
        let seed = "'\(grouping.seeds[0])'::pg_catalog.int8"
        let cheap = columns.filter(\.wire.isFixed) + columns.filter { !$0.wire.isFixed }
        let hash = "coalesce(\(cheap.map { $0.hash(seed: seed) }.joined(separator: ", ")), \(seed))"
        return "((\(hash) & \(Self.modulus)) % \(grouping.buckets))::pg_catalog.int4"
    }

    /// SQL for a hash of a row: that of each column, with the hash of those before it as its seed. A NULL leaves the seed with
    /// another number mixed in. So no two rows have one text that is hashed: ('ab', 'c') and ('a', 'bc') do not, nor have NULL and ''.
    private func hash(_ seed: Int64) -> String {
        var hash = "'\(seed)'::pg_catalog.int8"
        for (column, null) in zip(columns, grouping.nulls) {
            hash = "coalesce(\(column.hash(seed: hash)), \(hash) # '\(null)'::pg_catalog.int8)"
        }
        return hash
    }
}

extension PostgresColumn.Wire {
    /// Whether all values have the same few bytes.
    fileprivate var isFixed: Bool {
        switch self {
        case .integer, .uuid: true
        case .text, .castText, .castNumeric, .castOpaque: false
        }
    }
}

extension PostgresColumn {
    /// SQL for a keyed hash of a value, NULL for NULL: of the bytes of the text that it is compared as, or of all bits where each
    /// value has one text. A text that depends on settings (a date's) is that of a value which is no identifier, so that its row
    /// is read each time.
    fileprivate func hash(seed: String) -> String {
        let name = PostgresText.identifier(name)
        switch wire {
        case .uuid: return "pg_catalog.uuid_hash_extended(\(name)::pg_catalog.uuid, \(seed))"
        case .integer:
            // hashint8extended folds its 64 bits to 32, and gives many pairs of numbers one hash.
            let value = "\(name)::pg_catalog.int8"
            let low = "pg_catalog.hashint4extended(((\(value) << 32) >> 32)::pg_catalog.int4, \(seed))"
            return "pg_catalog.hashint4extended((\(value) >> 32)::pg_catalog.int4, \(low))"
        case .text, .castText, .castNumeric, .castOpaque:
            return "pg_catalog.hashtextextended(\(name)::pg_catalog.text COLLATE pg_catalog.\"C\", \(seed))"
        }
    }
}

/// Turns the binary COPY of digests into these.
final class PostgresDigestReader {
    private let reader = BinaryCopyReader()
    private(set) var digests: [BucketDigest]

    init(buckets: Int) { digests = [BucketDigest](repeating: .empty, count: buckets) }

    func read(_ message: UnsafeRawBufferPointer) throws {
        try reader.read(message, fields: 4) { row in
            let numbers = try (0..<4).map { _ in
                guard let field = try row.field() else { throw BinaryFieldCursor.broken }
                return try BinaryFieldCursor.integer(field)
            }
            guard let bucket = Int(exactly: numbers[0]), digests.indices.contains(bucket) else {
                throw BinaryFieldCursor.broken
            }
            digests[bucket] = BucketDigest(rows: numbers[1], first: numbers[2], second: numbers[3])
        }
    }
}
