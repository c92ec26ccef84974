internal import RollcallCore

/// What the names of fields must be where dots nest: in users and events.
enum NestedFields {
    /// Whether a name stands before and behind each of the dots; that it does not is reported.
    static func isName(_ key: ConfigurationKey, _ names: SectionReader) -> Bool {
        if UserSettings.path(of: key.name).allSatisfy({ !$0.isEmpty }) { return true }
        names.report(
            at: key, "the field \(TextLayout.quoted(key.name)) has an empty part in its name",
            hint: "Dots nest, as in address.city: write a name before and behind each of them.")
        return false
    }

    /// A field has a value or has parts, and not both.
    static func checkObjects(_ names: SectionReader) {
        let all = Set(names.section.keys.map { bytes(UserSettings.path(of: $0.name)[...]) })
        for key in names.section.keys {
            let path = UserSettings.path(of: key.name)
            guard let count = path.indices.first(where: { $0 > 0 && all.contains(bytes(path[..<$0])) })
            else { continue }
            let object = path[..<count].joined(separator: ".")
            let (part, whole) = (TextLayout.quoted(key.name), TextLayout.quoted(object))
            names.report(
                at: key, "the field \(part) is a part of \(whole), which is a field itself",
                hint: "Give one of them another name, or take it out.")
        }
    }

    /// To `==`, differently composed letters are equal; to Iterable they are not.
    static func bytes(_ path: ArraySlice<String>) -> [[UInt8]] { path.map { Array($0.utf8) } }
}
