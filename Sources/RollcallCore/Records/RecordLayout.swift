/// One field of a record: where its value comes from.
package struct RecordField: Sendable, Hashable {
    package enum Source: Sendable, Hashable {
        /// A cell of the row.
        case cell(Int, FieldConversion)
        /// Two cells, for a geo field.
        case point(latitude: Int, longitude: Int)
        /// The fallback, always.
        case constant
    }

    /// The name, at the dots of the configuration's `address.city` taken apart. Never empty.
    package var path: [String]
    package var source: Source
    /// JSON that stands where the source has no value; nil: nothing does.
    package var fallback: [UInt8]?

    package init(path: [String], source: Source, fallback: [UInt8]? = nil) {
        self.path = path
        self.source = source
        self.fallback = fallback
    }

    /// As the configuration writes it.
    package var name: String { path.joined(separator: ".") }

    /// What the field is in Iterable; nil for a constant, whose JSON says it.
    package var type: FieldType? {
        switch source {
        case .cell(_, let conversion): conversion.type
        case .point: .geoLocation
        case .constant: nil
        }
    }
}

/// A value of a row that cannot be sent.
package struct InvalidField: Error, Sendable, Equatable {
    package var field: String
    package var problem: FieldProblem

    /// As the log has it.
    package var reason: FailureReason {
        FailureReason(code: problem.code, reason: "The field \(field): \(problem.clause).")
    }
}

/// The fields of a sync, in the order of their names, and the JSON object that is made of a row.
///
/// A field whose name has dots is a part of an object. Fields without a value are left out of the object, and so is an object
/// without parts.
///
/// What Iterable replaces as one is a *unit*: a member of the object with all its parts or, where it merges nested objects, each
/// part of such a member with all the parts that it has. A unit has a value if one of its fields has, and is cleared as one.
package struct RecordLayout: Sendable {
    /// What is replaced and cleared as one.
    package struct Unit: Sendable, Hashable {
        /// As the configuration writes it: `plan`, `address.city`.
        package var name: String
        /// Places in ``RecordLayout/fields``.
        package var fields: Range<Int>
    }

    /// Sorted by path.
    package let fields: [RecordField]
    /// In the order of their fields.
    package let units: [Unit]
    private let unitFields: [Range<Int>]
    /// What stands for the names in hashes: 56 bits of a hash of each, and eight that are 0.
    private let marks: [UInt64]
    private let hasFallback: [Bool]
    private let members: [Node]

    /// A member of the object, or of an object within it.
    private struct Node: Sendable {
        /// In quotes, with the colon.
        var key: [UInt8]
        /// Places in ``fields``: one for a field without parts.
        var fields: Range<Int>
        /// Places in ``units`` of those that it has or is; empty for a part of one.
        var units: Range<Int>
        /// Whether it is a unit itself.
        var isUnit: Bool
        /// Empty for a field without parts.
        var parts: [Node]
    }

    /// - Parameters:
    ///   - fields: with different paths, of which none begins with another.
    ///   - mergesNested: whether Iterable merges nested objects, which it does for one level.
    package init(_ fields: [RecordField], mergesNested: Bool = false) {
        let sorted = fields.sorted { Self.precedes($0.path, $1.path) }
        self.fields = sorted
        marks = sorted.map { field in
            Array(field.path.joined(separator: "\u{0}").utf8).withUnsafeBytes { SipHash(key: []).hash($0).0 & ~0xff }
        }
        hasFallback = sorted.map { $0.fallback != nil }
        var builder = Builder(fields: sorted, unitDepth: mergesNested ? 2 : 1)
        members = builder.nodes(sorted.indices, depth: 0)
        units = builder.units
        unitFields = units.map(\.fields)
    }

    /// By the bytes of the names, as every machine sorts them.
    private static func precedes(_ first: [String], _ second: [String]) -> Bool {
        for (one, other) in zip(first, second) where !one.utf8.elementsEqual(other.utf8) {
            return one.utf8.lexicographicallyPrecedes(other.utf8)
        }
        return first.count < second.count
    }

    private struct Builder {
        let fields: [RecordField]
        /// Names to the unit: 1 for a member of the object.
        let unitDepth: Int
        var units: [Unit] = []

        mutating func nodes(_ range: Range<Int>, depth: Int) -> [Node] {
            var nodes: [Node] = []
            var start = range.lowerBound
            while start < range.upperBound {
                let name = fields[start].path[depth]
                let end =
                    range[start...].first { !fields[$0].path[depth].utf8.elementsEqual(name.utf8) } ?? range.upperBound
                nodes.append(node(start..<end, depth: depth))
                start = end
            }
            return nodes
        }

        private mutating func node(_ range: Range<Int>, depth: Int) -> Node {
            let path = fields[range.lowerBound].path
            var key: [UInt8] = []
            JSONBytes.append(quoted: path[depth], to: &key)
            key.append(UInt8(ascii: ":"))
            let isField = path.count == depth + 1
            let isUnit = depth + 1 == unitDepth || (isField && depth < unitDepth)
            let first = units.count
            if isUnit { units.append(Unit(name: path[...depth].joined(separator: "."), fields: range)) }
            let parts = isField ? [] : nodes(range, depth: depth + 1)
            return Node(key: key, fields: range, units: first..<units.count, isUnit: isUnit, parts: parts)
        }
    }

    // MARK: One row

    /// The values of a row, in the order of ``fields``, as far as a look at the cells tells.
    /// - Parameter values: room for as many values as there are fields; what it held is overwritten.
    package func read(
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
    package func check(_ values: UnsafeBufferPointer<FieldValue>) throws(InvalidField) {
        for index in fields.indices {
            do throws(FieldProblem) {
                try values[index].check()
            } catch {
                throw InvalidField(field: fields[index].name, problem: error)
            }
        }
    }

    /// Hashes the fields that have a value, by name: another order of the columns, or a field more that is empty, does not change
    /// the hash.
    package func hash(_ values: UnsafeBufferPointer<FieldValue>, into hasher: inout ContentHasher) {
        for index in marks.indices where hasValue(index, values) {
            if values[index].isNull {
                hasher.add(marks[index] | 0xff)
                hasher.add(fields[index].fallback)
            } else {
                values[index].hash(into: &hasher, mark: marks[index])
            }
        }
    }

    private func hasValue(_ index: Int, _ values: UnsafeBufferPointer<FieldValue>) -> Bool {
        !values[index].isNull || hasFallback[index]
    }

    // MARK: The object

    /// Whether a unit has a value.
    package func hasValue(_ unit: Unit, _ values: UnsafeBufferPointer<FieldValue>) -> Bool {
        unit.fields.contains { hasValue($0, values) }
    }

    /// Whether one of some units has no value.
    /// - Parameter units: places in ``units``.
    package func hasEmpty(_ units: [Int], _ values: UnsafeBufferPointer<FieldValue>) -> Bool {
        for unit in units {
            var hasValue = false
            for field in unitFields[unit] where self.hasValue(field, values) {
                hasValue = true
                break
            }
            if !hasValue { return true }
        }
        return false
    }

    /// Places in ``units`` of those without a value.
    package func emptyUnits(_ values: UnsafeBufferPointer<FieldValue>) -> FieldBits {
        FieldBits(units.indices.filter { !hasValue(units[$0], values) })
    }

    /// Appends the object.
    /// - Parameter nulls: whether to write `null` for a unit without a value, by its place in ``units``.
    package func write(
        _ values: UnsafeBufferPointer<FieldValue>, nulls: (Int) -> Bool = { _ in false }, to bytes: inout [UInt8]
    ) {
        write(members, values, nulls, to: &bytes)
    }

    private func write(
        _ nodes: [Node], _ values: UnsafeBufferPointer<FieldValue>, _ nulls: (Int) -> Bool, to bytes: inout [UInt8]
    ) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for node in nodes {
            let isThere = node.fields.contains { hasValue($0, values) }
            guard isThere || node.units.contains(where: nulls) else { continue }
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            bytes.append(contentsOf: node.key)
            if !isThere && node.isUnit {
                bytes.append(contentsOf: "null".utf8)
            } else if node.parts.isEmpty {
                write(field: node.fields.lowerBound, values, to: &bytes)
            } else {
                write(node.parts, values, nulls, to: &bytes)
            }
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private func write(field index: Int, _ values: UnsafeBufferPointer<FieldValue>, to bytes: inout [UInt8]) {
        if values[index].isNull {
            bytes.append(contentsOf: fields[index].fallback ?? [])
        } else {
            values[index].write(to: &bytes)
        }
    }
}
