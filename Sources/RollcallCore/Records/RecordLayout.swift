/// One field of a record: where its value comes from.
public struct RecordField: Sendable, Hashable {
    public enum Source: Sendable, Hashable {
        /// A cell of the row.
        case cell(Int, FieldConversion)
        /// Two cells, for a geo field.
        case point(latitude: Int, longitude: Int)
        /// The fallback, always.
        case constant
    }

    /// The name, at the dots of the configuration's `address.city` taken apart. Never empty.
    public var path: [String]
    public var source: Source
    /// JSON that stands where the source has no value; nil: nothing does.
    public var fallback: [UInt8]?

    public init(path: [String], source: Source, fallback: [UInt8]? = nil) {
        self.path = path
        self.source = source
        self.fallback = fallback
    }

    /// As the configuration writes it.
    public var name: String { path.joined(separator: ".") }

    /// What the field is in Iterable; nil for a constant, whose JSON says it.
    public var type: FieldType? {
        switch source {
        case .cell(_, let conversion): conversion.type
        case .point: .geoLocation
        case .constant: nil
        }
    }
}

/// A value of a row that cannot be sent.
public struct InvalidField: Error, Sendable, Equatable {
    public var field: String
    public var problem: FieldProblem

    /// As the log has it.
    public var reason: FailureReason {
        FailureReason(code: problem.code, reason: "The field \(field): \(problem.clause).")
    }
}

/// The fields of a sync, in the order of their names, and the JSON object that is made of a row.
///
/// A field whose name has dots is a part of an object. Fields without a value are left out of the object, and so is an object
/// without parts.
public struct RecordLayout: Sendable {
    /// Sorted by path.
    public let fields: [RecordField]
    private let names: [[UInt8]]
    private let members: [Node]

    /// A member of the object, or of an object within it.
    private struct Node: Sendable {
        /// In quotes, with the colon.
        var key: [UInt8]
        /// Places in ``fields``: one for a field without parts.
        var fields: Range<Int>
        /// Empty for a field without parts.
        var parts: [Node]
    }

    /// - Parameter fields: with different paths, of which none begins with another.
    public init(_ fields: [RecordField]) {
        let sorted = fields.sorted { Self.precedes($0.path, $1.path) }
        self.fields = sorted
        names = sorted.map { Array($0.path.joined(separator: "\u{0}").utf8) }
        members = Self.nodes(sorted, sorted.indices, depth: 0)
    }

    /// By the bytes of the names, as every machine sorts them.
    private static func precedes(_ first: [String], _ second: [String]) -> Bool {
        for (one, other) in zip(first, second) where !one.utf8.elementsEqual(other.utf8) {
            return one.utf8.lexicographicallyPrecedes(other.utf8)
        }
        return first.count < second.count
    }

    private static func nodes(_ fields: [RecordField], _ range: Range<Int>, depth: Int) -> [Node] {
        var nodes: [Node] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let name = fields[start].path[depth]
            let end =
                range[start...].first { !fields[$0].path[depth].utf8.elementsEqual(name.utf8) } ?? range.upperBound
            var key: [UInt8] = []
            JSONBytes.append(quoted: name, to: &key)
            key.append(UInt8(ascii: ":"))
            let isField = fields[start].path.count == depth + 1
            nodes.append(
                Node(
                    key: key, fields: start..<end,
                    parts: isField ? [] : Self.nodes(fields, start..<end, depth: depth + 1)))
            start = end
        }
        return nodes
    }

    // MARK: One row

    /// The values of a row, in the order of ``fields``, as far as a look at the cells tells.
    /// - Parameter values: room for as many values as there are fields; what it held is overwritten.
    public func read(
        _ cells: UnsafeBufferPointer<RecordCell>, into values: UnsafeMutableBufferPointer<FieldValue>
    ) throws(InvalidField) {
        for index in fields.indices {
            do throws(FieldProblem) {
                values[index] = try value(fields[index].source, cells)
            } catch {
                throw InvalidField(field: fields[index].name, problem: error)
            }
        }
    }

    private func value(
        _ source: RecordField.Source, _ cells: UnsafeBufferPointer<RecordCell>
    ) throws(FieldProblem) -> FieldValue {
        switch source {
        case .cell(let cell, let conversion): try conversion.value(of: cells[cell])
        case .point(let latitude, let longitude): try FieldConversion.point(cells[latitude], cells[longitude])
        case .constant: .null
        }
    }

    /// Looks into texts and JSON. Only a row that is to be sent needs it: one that was sent before was looked into then.
    public func check(_ values: UnsafeBufferPointer<FieldValue>) throws(InvalidField) {
        for index in fields.indices {
            do throws(FieldProblem) {
                try values[index].check()
            } catch {
                throw InvalidField(field: fields[index].name, problem: error)
            }
        }
    }

    /// A keyed hash of the fields that have a value, by name: another order of the columns, or a field more that is empty, does
    /// not change it.
    /// - Parameter scratch: reused from row to row.
    public func hash(
        _ values: UnsafeBufferPointer<FieldValue>, _ hash: SipHash, _ scratch: inout [UInt8]
    ) -> UInt64 {
        scratch.removeAll(keepingCapacity: true)
        for index in fields.indices where hasValue(index, values) {
            scratch.append(contentsOf: names[index])
            let start = scratch.count
            if values[index].isNull {
                scratch.append(UInt8.max)
                scratch.append(contentsOf: fields[index].fallback ?? [])
            } else {
                values[index].writeIdentity(to: &scratch)
            }
            // The length of the value, so that where one ends and the next name begins cannot be mistaken.
            withUnsafeBytes(of: UInt64(scratch.count - start).littleEndian) { scratch.append(contentsOf: $0) }
        }
        return scratch.withUnsafeBytes { hash.hash($0).0 }
    }

    private func hasValue(_ index: Int, _ values: UnsafeBufferPointer<FieldValue>) -> Bool {
        !values[index].isNull || fields[index].fallback != nil
    }

    // MARK: The object

    /// The names of the object's members.
    public var memberNames: [String] { members.map { fields[$0.fields.lowerBound].path[0] } }

    /// Whether each member has a value, in the order of ``memberNames``.
    public func presence(_ values: UnsafeBufferPointer<FieldValue>) -> [Bool] {
        members.map { node in node.fields.contains { hasValue($0, values) } }
    }

    /// Appends the object.
    /// - Parameter nulls: whether to write `null` for a member without a value, by its place in ``memberNames``.
    public func write(
        _ values: UnsafeBufferPointer<FieldValue>, nulls: (Int) -> Bool = { _ in false }, to bytes: inout [UInt8]
    ) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for (place, node) in members.enumerated() {
            let isThere = node.fields.contains { hasValue($0, values) }
            guard isThere || nulls(place) else { continue }
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            bytes.append(contentsOf: node.key)
            if isThere { write(node, values, to: &bytes) } else { bytes.append(contentsOf: "null".utf8) }
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private func write(_ node: Node, _ values: UnsafeBufferPointer<FieldValue>, to bytes: inout [UInt8]) {
        guard !node.parts.isEmpty else {
            let index = node.fields.lowerBound
            if values[index].isNull {
                bytes.append(contentsOf: fields[index].fallback ?? [])
            } else {
                values[index].write(to: &bytes)
            }
            return
        }
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for part in node.parts where part.fields.contains(where: { hasValue($0, values) }) {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            bytes.append(contentsOf: part.key)
            write(part, values, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }
}
