import RollcallCore

/// Compares the profile fields that a sync sends with those that Iterable has.
struct FieldPreflight: Sendable {
    /// What the sync sends, with the types that it would send.
    let wanted: [RemoteField]
    /// The fields of the project's profiles.
    let there: [RemoteField]
    let destination: String

    /// Fields of the sync that the project does not have.
    var unknown: [RemoteField] { wanted.filter { field in !there.contains { $0.isNamed(field.name) } } }

    /// The first field that has another type in Iterable: its type stays for ever.
    var mismatch: RunError? {
        for field in wanted {
            guard let type = field.type, let other = there.first(where: { $0.isNamed(field.name) })?.type,
                !Self.fits(type, other)
            else { continue }
            return RunError(
                code: "type_mismatch",
                message:
                    "the field \"\(field.name)\" is of type \(other) in Iterable, and the sync would send \(type);"
                    + " the type of a field stays for ever",
                hint: Self.cast(field.name, to: other))
        }
        return nil
    }

    /// Iterable calls an array of objects, where it may be searched by its elements, `nested`
    /// (source: its help centre, article 208183076).
    private static func fits(_ sent: String, _ theirs: String) -> Bool {
        sent == theirs || (sent == FieldType.object.rawValue && theirs == "nested")
    }

    private static func cast(_ name: String, to type: String) -> String {
        switch type {
        case FieldType.geoLocation.rawValue:
            "Write fields: \(name): { column: [latitude, longitude], type: geo }, or send it under another name."
        case FieldType.object.rawValue, "nested":
            "Write fields: \(name): { column: ..., type: json }, or send it under another name."
        case let type where DeclaredType(rawValue: type) != nil:
            "Write fields: \(name): { column: ..., type: \(type) }; where that is refused, cast the column in the query, or"
                + " send it under another name."
        default: "Send it under another name."
        }
    }

    /// - Parameter advice: how the fields come to be, in a whole sentence.
    /// - Returns: nil where Iterable has all fields.
    func unknownFields(advice: String) -> RunError? {
        let unknown = unknown
        guard let first = unknown.first else { return nil }
        let names = unknown.prefix(20).map { "\"\($0.name)\" (\($0.type ?? ""))" }.joined(separator: ", ")
        let more = unknown.count > 20 ? " and \(unknown.count - 20) more" : ""
        let known = there.map(\.name)
        let near =
            known.first { $0.lowercased() == first.name.lowercased() }.map {
                "Iterable has \"\($0)\", you wrote \"\(first.name)\"; names are case-sensitive."
            }
            ?? EditDistance.nearest(to: first.name, among: known).map {
                "Iterable has no \"\(first.name)\"; did you mean \"\($0)\"?"
            }
        return RunError(
            code: "field_unknown",
            message: "the project has no profile \(unknown.count == 1 ? "field" : "fields") \(names)\(more)",
            hint: (near.map { $0 + " " } ?? "") + advice
                + " `rollcall fields \(destination)` shows those that there are.")
    }
}

extension RemoteField {
    /// By bytes: Iterable tells names apart that Swift's `==` takes for equal.
    fileprivate func isNamed(_ name: String) -> Bool { self.name.utf8.elementsEqual(name.utf8) }
}
