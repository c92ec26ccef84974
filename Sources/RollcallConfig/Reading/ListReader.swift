internal import RollcallCore

/// Reads `list`.
enum ListReader {
    struct Draft {
        var target: ListTarget
        var position: Position
    }

    /// Longest description that Iterable's own pages take; for its API no limit is documented.
    private static let usualDescriptionLength = 140

    /// `prefix` is nil when the destination is not known; the list cannot be named then.
    static func read(_ reader: SectionReader, prefix: String?) -> Draft? {
        let id = reader.integer(ListKeys.id)
        let name = reader.text(ListKeys.name)
        let description = reader.has(ListKeys.description) ? reader.text(ListKeys.description) : nil
        checkDescription(description, reader: reader)
        guard reader.has(ListKeys.id) != reader.has(ListKeys.name) else { return nil }
        if let id { return Draft(target: .id(id), position: reader.position(of: ListKeys.id)) }
        guard let name, checkName(name, reader: reader), let prefix else { return nil }
        let text = description?.value.isEmpty ?? true ? nil : description?.value
        return Draft(
            target: .name(prefix + name.value, description: text), position: reader.position(of: ListKeys.name))
    }

    private static func checkName(_ name: Located<String>, reader: SectionReader) -> Bool {
        if name.value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            reader.reportWrong(ListKeys.name, name, "contains a line break or a control character")
            return false
        }
        if name.value.first?.isWhitespace == true || name.value.last?.isWhitespace == true {
            reader.context.warn(
                at: name.position, path: name.path, "\(name.path) has blanks around it",
                hint: "They are part of the name; the list in Iterable must have them too.")
        }
        return true
    }

    private static func checkDescription(_ description: Located<String>?, reader: SectionReader) {
        guard let description else { return }
        if reader.has(ListKeys.id) {
            reader.context.warn(
                at: description.position, path: description.path, "\(description.path) has no effect beside id",
                hint: "A description is given to lists that Rollcall creates.")
        } else if description.value.count > usualDescriptionLength {
            reader.context.warn(
                at: description.position, path: description.path,
                "\(description.path) has \(description.value.count) characters; Iterable may cut or refuse it",
                hint: "Iterable's own pages take \(usualDescriptionLength).")
        }
    }
}
