/// Types of profile fields, by the names of `users/getFields`.
enum FieldType: String, Sendable {
    case string, date, long, double, boolean, object, nested
    case geoLocation = "geo_location"
}

/// One value that does not fit the type that the project gave to its field.
struct FieldMismatch: Sendable, Equatable {
    let field: String
    let expected: FieldType
    let incoming: FieldType
    let offending: JSONValue

    /// One member of `validationErrors`, in the form that bulkUpdate answers.
    ///
    /// - Parameter category: what has the field: `user` or `event`.
    func json(category: String) -> JSONValue {
        let incomingTypes: JSONValue = incoming == .string ? ["string", "keyword"] : [.string(incoming.rawValue)]
        return [
            "_type": "UnexpectedType", "category": .string(category), "expectedType": .string(expected.rawValue),
            "incomingTypes": incomingTypes, "offendingValue": offending,
        ]
    }
}

/// The types of the project's profile fields, or of the fields that events of one name have. The first value written
/// to a field fixes its type for everybody; members of objects count as fields of their own with a dotted name.
///
/// A date is text of the documented date forms; text fits a string field, a whole number fits a double field,
/// an array is judged by its elements. A fraction does not fit a long field: that choice is the sandbox's own.
struct FieldRegistry: Sendable {
    private(set) var types: [String: FieldType] = [:]

    /// The first value that does not fit, nil when all do.
    func mismatch(in fields: [String: JSONValue], prefix: String = "") -> FieldMismatch? {
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            let path = prefix + name
            for element in Self.elements(of: value) {
                guard let incoming = Self.type(of: element, named: name) else { continue }
                if name.hasSuffix("_geo_location"), incoming != .geoLocation {
                    return FieldMismatch(field: path, expected: .geoLocation, incoming: incoming, offending: element)
                }
                let type = Self.isArrayOfObjects(value) ? FieldType.nested : incoming
                if let expected = types[path], !Self.fits(type, expected) {
                    return FieldMismatch(field: path, expected: expected, incoming: type, offending: element)
                }
                if incoming == .object, let members = element.members,
                    let inner = mismatch(in: members, prefix: path + ".")
                {
                    return inner
                }
            }
        }
        return nil
    }

    /// Fixes the types of fields that are new and returns their names.
    mutating func register(_ fields: [String: JSONValue], prefix: String = "") -> [String] {
        var created: [String] = []
        for (name, value) in fields {
            let path = prefix + name
            for element in Self.elements(of: value) {
                guard let type = Self.type(of: element, named: name) else { continue }
                if types[path] == nil {
                    types[path] = Self.isArrayOfObjects(value) ? .nested : type
                    created.append(path)
                }
                if type == .object, let members = element.members {
                    created += register(members, prefix: path + ".")
                }
            }
        }
        return created
    }

    /// Whether a top-level field has a type already.
    func knows(_ name: String) -> Bool { types[name] != nil }

    private static func elements(of value: JSONValue) -> [JSONValue] {
        if case .array(let elements) = value { elements } else { [value] }
    }

    private static func isArrayOfObjects(_ value: JSONValue) -> Bool {
        if case .array(let elements) = value { elements.contains { $0.members != nil } } else { false }
    }

    private static func fits(_ incoming: FieldType, _ expected: FieldType) -> Bool {
        switch (incoming, expected) {
        case (.date, .string), (.long, .double), (.object, .nested), (.nested, .object): true
        default: incoming == expected
        }
    }

    private static func type(of value: JSONValue, named name: String) -> FieldType? {
        switch value {
        case .null, .array: return nil
        case .bool: return .boolean
        case .int: return .long
        case .double: return .double
        case .string(let text): return isDate(text) ? .date : .string
        case .object(let members):
            guard name.hasSuffix("_geo_location") else { return .object }
            return isNumber(members["lat"]) && isNumber(members["lon"]) ? .geoLocation : .object
        }
    }

    private static func isNumber(_ value: JSONValue?) -> Bool {
        switch value {
        case .int, .double: true
        default: false
        }
    }

    /// `yyyy-MM-dd`, `yyyy-MM-dd HH:mm:ss`, the same with a zone after a space, and ISO 8601 with a `T`,
    /// milliseconds and a zone.
    static func isDate(_ text: String) -> Bool {
        guard (10...32).contains(text.utf8.count) else { return false }
        let form = String(text.map { $0.isASCII && $0.isNumber ? "0" : $0 })
        if form == "0000-00-00" || form == "0000-00-00 00:00:00" { return true }
        let isISO = form.hasPrefix("0000-00-00T00:00:00")
        guard isISO || form.hasPrefix("0000-00-00 00:00:00 ") else { return false }
        var zone = form.dropFirst(isISO ? 19 : 20)
        if isISO, zone.hasPrefix(".000") { zone = zone.dropFirst(4) }
        return ["Z", "+00:00", "-00:00", "+0000", "-0000"].contains(String(zone))
    }
}
