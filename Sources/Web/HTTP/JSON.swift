import RollcallCore

import struct Foundation.Date

/// A JSON text whose keys stay in the order in which they are written.
struct JSON: Sendable {
    /// The text.
    let text: String

    private init(text: String) { self.text = text }

    static let null = JSON(text: "null")

    static func string(_ value: String) -> JSON { JSON(text: JSONText.quote(value)) }
    static func string(_ value: String?) -> JSON { value.map { JSON.string($0) } ?? .null }
    static func integer(_ value: some BinaryInteger) -> JSON { JSON(text: "\(value)") }
    static func integer(_ value: Int?) -> JSON { value.map { JSON.integer($0) } ?? .null }
    static func integer(_ value: Int64?) -> JSON { value.map { JSON.integer($0) } ?? .null }
    static func bool(_ value: Bool) -> JSON { JSON(text: value ? "true" : "false") }
    static func time(_ value: Date) -> JSON { .string(value.iso8601) }
    static func time(_ value: Date?) -> JSON { value.map { JSON.time($0) } ?? .null }

    /// A number with at most three decimals; null for what JSON cannot say.
    static func number(_ value: Double?) -> JSON {
        guard let value, value.isFinite, abs(value) < 1e15 else { return .null }
        let rounded = (value * 1000).rounded() / 1000
        return JSON(text: rounded == rounded.rounded() ? "\(Int64(rounded))" : "\(rounded)")
    }

    static func array(_ items: [JSON]) -> JSON { JSON(text: "[" + items.map(\.text).joined(separator: ",") + "]") }

    static func object(_ fields: KeyValuePairs<String, JSON>) -> JSON { object(Array(fields)) }

    static func object(_ fields: [(key: String, value: JSON)]) -> JSON {
        JSON(text: "{" + fields.map { "\(JSONText.quote($0.key)):\($0.value.text)" }.joined(separator: ",") + "}")
    }

    /// A text that is JSON already.
    static func verbatim(_ text: String) -> JSON { JSON(text: text) }
}
