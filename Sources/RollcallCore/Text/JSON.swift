package import Foundation

/// A JSON text, on one line, whose keys stay in the order in which they are written.
package struct JSON: Sendable {
    /// The text.
    package let text: String

    private init(text: String) { self.text = text }

    package static let null = JSON(text: "null")

    package static func string(_ value: String) -> JSON { JSON(text: quoted(value)) }
    package static func string(_ value: String?) -> JSON { value.map { JSON.string($0) } ?? .null }
    package static func integer(_ value: some BinaryInteger) -> JSON { JSON(text: "\(value)") }
    package static func integer(_ value: Int?) -> JSON { value.map { JSON.integer($0) } ?? .null }
    package static func integer(_ value: Int64?) -> JSON { value.map { JSON.integer($0) } ?? .null }
    package static func bool(_ value: Bool) -> JSON { JSON(text: value ? "true" : "false") }
    package static func time(_ value: Date) -> JSON { .string(value.iso8601) }
    package static func time(_ value: Date?) -> JSON { value.map { JSON.time($0) } ?? .null }

    /// A number with at most three decimals; null for what JSON cannot say.
    package static func number(_ value: Double?) -> JSON {
        guard let value, value.isFinite, abs(value) < 1e15 else { return .null }
        let rounded = (value * 1000).rounded() / 1000
        return JSON(text: rounded == rounded.rounded() ? "\(Int64(rounded))" : "\(rounded)")
    }

    package static func array(_ items: [JSON]) -> JSON {
        JSON(text: "[" + items.map(\.text).joined(separator: ",") + "]")
    }

    package static func object(_ fields: KeyValuePairs<String, JSON>) -> JSON { object(Array(fields)) }

    package static func object(_ fields: [(key: String, value: JSON)]) -> JSON {
        JSON(text: "{" + fields.map { "\(quoted($0.key)):\($0.value.text)" }.joined(separator: ",") + "}")
    }

    /// A text that is JSON already.
    package static func verbatim(_ text: String) -> JSON { JSON(text: text) }

    /// A string, with everything escaped that JSON wants escaped.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20: quoted += String(format: "\\u%04x", scalar.value)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
