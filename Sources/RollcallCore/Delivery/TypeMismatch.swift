/// A field of which a request had a value that is not of the field's type in Iterable, as the answer names it.
package struct TypeMismatch: Sendable, Equatable {
    /// The field; dots lead to its parts.
    package var field: String
    /// Iterable's word for the field's type; nil: none that is known.
    package var expected: String?
    /// A value that is not of that type.
    package var offending: JSONTree

    package init(field: String, expected: String?, offending: JSONTree) {
        self.field = field
        self.expected = expected
        self.offending = offending
    }

    /// Whether a record has a value in the field that is of the type of the offending one.
    /// - Parameter fields: those of the record.
    package func isOf(_ fields: [String: JSONTree]) -> Bool {
        matches(.object(fields), field.split(separator: ".")[...])
    }

    private func matches(_ value: JSONTree, _ path: ArraySlice<Substring>) -> Bool {
        // Of an array each element is a value of the field.
        if case .array(let elements) = value { return elements.contains { matches($0, path) } }
        guard let first = path.first else { return isOffending(value) }
        return value.members?[String(first)].map { matches($0, path.dropFirst()) } ?? false
    }

    private func isOffending(_ value: JSONTree) -> Bool {
        switch (value, element) {
        case (.boolean, .boolean), (.object, .object): true
        // Dates are texts as well, and those that look like one are of the type.
        case (.string(let text), .string): expected != "date" || !FieldValue.looksLikeDate(text)
        case (.number, .integer), (.number, .number): true
        // Where a fraction is too much, whole numbers are of the type.
        case (.integer, .integer): true
        case (.integer, .number): expected != "long"
        default: false
        }
    }

    /// What is named of an array is one of its elements.
    private var element: JSONTree {
        if case .array(let elements) = offending, let first = elements.first { first } else { offending }
    }
}
