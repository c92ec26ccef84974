import RollcallCore

/// What becomes of the units of a profile (``RecordLayout/Unit``) in Iterable where a row has no value for them.
///
/// NULL is sent only where this sync has put a value before, so that a column that is empty here never clears what another system
/// wrote. Which units have got a value is kept for each record, one bit for each name that the sync ever sent; names keep their
/// places for ever, whatever becomes of the mapping.
struct NullPolicy: Sendable {
    private let rules: [NullRule]
    /// Place of each unit among the bits.
    private let places: [Int]
    /// The bits that say of each unit that it holds a value: its own, and those of its parts or of what it was a part of under
    /// another setting of `nested`.
    private let masks: [FieldBits]

    /// - Parameters:
    ///   - places: the names that have a place, in their order.
    ///   - rule: of a field.
    init(_ layout: RecordLayout, places names: [String], rule: (_ field: String) -> NullRule) {
        self.init(layout, names, layout.units.map { rule(layout.fields[$0.fields.lowerBound].name) })
    }

    private init(_ layout: RecordLayout, _ names: [String], _ rules: [NullRule]) {
        self.rules = rules
        let all = Self.names(names, with: layout)
        places = layout.units.map { unit in all.firstIndex { $0.utf8.elementsEqual(unit.name.utf8) } ?? 0 }
        masks = layout.units.map { unit in FieldBits(all.indices.filter { Self.overlap(all[$0], unit.name) }) }
    }

    func placed(_ names: [String], _ layout: RecordLayout) -> NullPolicy { NullPolicy(layout, names, rules) }

    /// The names that have a place, and those of the units that have none yet, in the order in which they get theirs.
    static func names(_ known: [String], with layout: RecordLayout) -> [String] {
        let bytes = Set(known.map { Array($0.utf8) })
        return known + layout.units.map(\.name).filter { !bytes.contains(Array($0.utf8)) }
    }

    /// Whether one is the other, or a part of it.
    private static func overlap(_ first: String, _ second: String) -> Bool {
        let (one, other) = (Array(first.utf8), Array(second.utf8))
        let shorter = one.count <= other.count ? one : other
        let longer = one.count <= other.count ? other : one
        return longer.starts(with: shorter)
            && (longer.count == shorter.count || longer[shorter.count] == UInt8(ascii: "."))
    }

    /// The units of which a null is due, because this sync has put a value there, where the row has none.
    /// - Parameter held: the fields that this sync may have given a value until now.
    func watched(held: FieldBits) -> [Int] {
        if held.isEmpty { return [] }
        return rules.indices.filter { rules[$0] != .skip && !held.isDisjoint(with: masks[$0]) }
    }

    /// What is due for a row of which it is known which units have no value.
    /// - Parameters:
    ///   - empty: units without a value.
    ///   - held: the fields that this sync may have given a value until now.
    func due(empty: FieldBits, held: FieldBits) -> Due {
        var due = Due(held: HeldFields(ifDone: held, ifInDoubt: held))
        for index in rules.indices where empty.contains(index) { clear(index, held: held, in: &due) }
        for index in rules.indices where !empty.contains(index) { fill(index, in: &due) }
        return due
    }

    /// What is due for one row.
    struct Due {
        /// Units that are sent as null.
        var nulls: [Int] = []
        var held = HeldFields(ifDone: FieldBits(), ifInDoubt: FieldBits())
    }

    /// - Parameters:
    ///   - held: the fields that this sync may have given a value until now.
    ///   - missing: places of fields that Iterable does not have: there is nothing to clear.
    func due(
        _ layout: RecordLayout, _ values: UnsafeBufferPointer<FieldValue>, held: FieldBits, missing: [Int] = []
    ) -> Due {
        var due = Due(held: HeldFields(ifDone: held, ifInDoubt: held))
        for (index, unit) in layout.units.enumerated() where !layout.hasValue(unit, values) {
            guard missing.isEmpty || !unit.fields.allSatisfy(missing.contains) else { continue }
            clear(index, held: held, in: &due)
        }
        for (index, unit) in layout.units.enumerated() where layout.hasValue(unit, values) { fill(index, in: &due) }
        return due
    }

    /// A unit without a value.
    private func clear(_ index: Int, held: FieldBits, in due: inout Due) {
        let isHeld = !held.isDisjoint(with: masks[index])
        guard rules[index] == .always || (rules[index] == .clear && isHeld) else { return }
        due.nulls.append(index)
        due.held.ifDone.subtract(masks[index])
    }

    /// A unit with a value.
    private func fill(_ index: Int, in due: inout Due) {
        due.held.ifDone.insert(places[index])
        due.held.ifInDoubt.insert(places[index])
    }
}

/// ``NullPolicy/watched(held:)`` by the number of a set of held fields: many records have the same set.
struct WatchedUnits {
    private let nulls: NullPolicy?
    private var known: [[Int]?] = []

    /// - Parameter nulls: nil: no null is ever due.
    init(_ nulls: NullPolicy?) { self.nulls = nulls }

    /// - Parameter set: the set with this number.
    mutating func units(_ number: UInt32, _ set: @autoclosure () -> FieldBits) -> [Int] {
        guard let nulls else { return [] }
        let place = Int(number)
        while known.count <= place { known.append(nil) }
        if let units = known[place] { return units }
        let units = nulls.watched(held: set())
        known[place] = units
        return units
    }
}
