import RollcallCore

/// The statements that group the rows of an audience: SQL that every server of a distributed engine computes alike, for it uses
/// nothing but functions of PostgreSQL (version 11 and later) on the bytes of texts in collation C.
struct PostgresBuckets {
    /// The audience as an item of FROM.
    let relation: String
    /// SQL for what is read of each row.
    let list: [String]
    /// All that is read: what the digests are of.
    let columns: [PostgresColumnHash]
    /// The first of these that is no NULL gives the bucket; empty: the first hash of the row does, which costs no further one and need
    /// not travel twice. Where few columns of many change, rows stay in their buckets by it.
    let spreading: [PostgresColumnHash]
    /// Whether all rows are in this database, so that it alone groups them.
    let isLocal: Bool
    let grouping: RowGrouping
    /// What the types of the columns add to ``GroupedRows/basis``.
    let types: [String]
    /// Names of settings of the role whose values belong to it too.
    let settings: [String]
    let makeRow: () -> PostgresBucketRowReader.Row

    /// A sum is given back in eight bytes: modulo 2⁶³ - 1.
    private static let modulus = "\(BucketDigest.modulus)"

    /// Whether a result may have as many columns as ``rows(_:)`` has (PostgreSQL's source, `MaxTupleAttributeNumber`).
    var fits: Bool { list.count + 2 <= 1664 }

    /// One row for each bucket that has rows: its number, how many rows it has, and the two sums. `sum` of `bigint` is a
    /// `numeric`, which nothing overflows.
    ///
    /// Of a local table the hashes come from a UNION with nothing. Of its columns the planner knows no more than that: it makes each hash
    /// once for a row, expects few groups, and so lets several processes group the rows, in small tables. Otherwise it expects as many
    /// groups as rows, and takes twice the time. Where other nodes have rows, these are to group them, which the UNION would hinder.
    var digests: String {
        let hashes = grouping.seeds[1...].map(hash)
        guard isLocal else { return digests(hashes, bucket, of: relation) }
        let named = "\(hashes[0]) AS first_hash, \(hashes[1]) AS second_hash"
        let bucket = spreading.isEmpty ? Self.bucket("first_hash", of: grouping) : "bucket"
        let further = spreading.isEmpty ? ("", "") : (", \(self.bucket) AS bucket", ", 0")
        let nothing = "SELECT 0::pg_catalog.int8, 0::pg_catalog.int8\(further.1) FROM \(relation) WHERE false"
        return digests(
            ["first_hash", "second_hash"], bucket,
            of: "(SELECT \(named)\(further.0) FROM \(relation) UNION ALL \(nothing)) AS hashed")
    }

    private func digests(_ hashes: [String], _ bucket: String, of rows: String) -> String {
        let sums = hashes.map { "(pg_catalog.sum(\($0)) % \(Self.modulus))::pg_catalog.int8" }
        return "SELECT \(bucket), pg_catalog.count(*), \(sums.joined(separator: ", ")) FROM \(rows) GROUP BY 1"
    }

    /// Each row in a bucket that is wanted: its first hash, its bucket where that is not of this hash, and what is read of it.
    func rows(_ wanted: BucketSelection) -> String {
        let list = [hash(grouping.seeds[1])] + (spreading.isEmpty ? [] : [bucket]) + list
        let all = "SELECT \(list.joined(separator: ", ")) FROM \(relation)"
        if wanted.count == grouping.buckets { return all }
        let bits = "pg_catalog.decode('\(wanted.bits.hexadecimal)', 'hex')"
        return "\(all) WHERE pg_catalog.get_bit(\(bits), \(bucket)) = 1"
    }

    func makeReader() -> PostgresBucketRowReader {
        PostgresBucketRowReader(
            fields: list.count, buckets: grouping.buckets, isBucketOfHash: spreading.isEmpty, makeRow())
    }

    /// SQL for the number of a row's bucket. It is computed for every row of both statements, and need only spread the rows.
    private var bucket: String {
        if spreading.isEmpty { return Self.bucket(hash(grouping.seeds[1]), of: grouping) }
        let seed = Self.literal(grouping.seeds[0])
        let hash = "coalesce(\((spreading.map { $0.hash(seed: seed) } + [seed]).joined(separator: ", ")))"
        return Self.bucket(hash, of: grouping)
    }

    /// SQL; ``PostgresBucketRowReader`` does the same.
    private static func bucket(_ hash: String, of grouping: RowGrouping) -> String {
        "((\(hash) & \(modulus)) % \(grouping.buckets))::pg_catalog.int4"
    }

    /// SQL for a hash of a row: that of each column, with the hash of those before it as its seed. So no two rows have one text
    /// that is hashed: ('ab', 'c') and ('a', 'bc') do not, nor have NULL and ''. And two rows that exchange values in one column have
    /// other hashes, and another sum of them.
    private func hash(_ seed: Int64) -> String {
        guard let first = columns.first else { return Self.literal(seed) }
        // Most lists have one column, whose NULL is cheaper by another constant.
        let hash = "coalesce(\(first.hash(seed: Self.literal(seed))), \(Self.literal(~seed)))"
        return columns.dropFirst().reduce(hash) { $1.hashWithNull(seed: $0) }
    }

    private static func literal(_ seed: Int64) -> String { "'\(seed)'::pg_catalog.int8" }
}

extension PostgresAudience {
    /// Takes the locks and says how the rows are grouped.
    func buckets(
        _ wanted: IdentifierColumns, _ grouping: RowGrouping,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, _ bucket: Int) throws -> Void
    ) throws -> PostgresBuckets {
        let relation = try relation()
        let columns = try columns(wanted, of: lockedColumns(relation))
        return try buckets(columns, relation, grouping) {
            let reader = columns.makeAudienceReader()
            return { row, bucket in
                let (email, userID) = try reader.cells(&row)
                try body(email, userID, bucket)
            }
        }
    }

    /// The same for rows with content.
    func buckets(
        _ wanted: RecordColumns, _ grouping: RowGrouping,
        _ body:
            @escaping @Sendable (
                AudienceCell, AudienceCell, UnsafeBufferPointer<RecordCell>, _ bucket: Int
            ) throws -> Void
    ) throws -> PostgresBuckets {
        let relation = try relation()
        let columns = try columns(wanted.identifiers, fields: wanted.fields, of: lockedColumns(relation))
        if columns.hasFloatArrays { try session.execute(PostgresReadColumns.exactDigits) }
        return try buckets(columns, relation, grouping) {
            let reader = columns.makeRecordReader()
            return { row, bucket in try reader.row(&row) { try body($0, $1, $2, bucket) } }
        }
    }

    private func buckets(
        _ columns: PostgresReadColumns, _ relation: String, _ grouping: RowGrouping,
        _ makeRow: @escaping () -> PostgresBucketRowReader.Row
    ) throws -> PostgresBuckets {
        // Those whose values have the same few bytes, and whose hash costs least, come first.
        let identifiers = columns.identifiers.filter(\.wire.isFixed) + columns.identifiers.filter { !$0.wire.isFixed }
        let fields = columns.fields.map { PostgresColumnHash($0, as: $0.content) }
        let spreading = fields.isEmpty ? [] : identifiers.map { PostgresColumnHash($0, as: $0.wire) }
        return PostgresBuckets(
            relation: relation, list: columns.list,
            columns: columns.identifiers.map { PostgresColumnHash($0, as: $0.wire) } + fields,
            spreading: spreading.isEmpty ? Array(fields.prefix(1)) : spreading, isLocal: try isLocal(relation),
            grouping: grouping,
            types: columns.identifiers.map { "\($0.type) as \($0.wire)" }
                + columns.fields.map { "\($0.type) as \($0.content.wire), \($0.content.family)" },
            settings: fields.isEmpty ? [] : Self.settingsOfTexts, makeRow: makeRow)
    }

    /// Whether the plan reads nothing through an extension that has rows on other servers, such as postgres_fdw or Citus. Where the
    /// server shows no plan, it may.
    private func isLocal(_ relation: String) throws -> Bool {
        guard
            let lines = try session.attempt({
                let plan = try session.query("EXPLAIN SELECT 1 FROM \(relation)")
                return (0..<plan.rowCount).map { plan.text($0, 0) ?? "" }
            })
        else { return false }
        return !lines.contains { $0.contains("Foreign Scan") || $0.contains("Custom Scan") }
    }

    /// What the text of a value may depend on (PostgreSQL's documentation, section 20.11, "Client Connection Defaults"). A digest is
    /// right without them: see ``PostgresColumnHash``.
    private static let settingsOfTexts = [
        "DateStyle", "IntervalStyle", "TimeZone", "bytea_output", "extra_float_digits", "lc_monetary", "xmlbinary",
        "xmloption",
    ]
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
