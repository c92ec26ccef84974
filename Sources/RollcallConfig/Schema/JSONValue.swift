import RollcallCore

/// A JSON value whose objects keep the order of their keys, so that the schema reads like the configuration.
indirect enum JSONValue: Sendable, Equatable {
    case string(String)
    case integer(Int64)
    case number(Double)
    case boolean(Bool)
    case array([JSONValue])
    case object([Member])

    struct Member: Sendable, Equatable {
        var key: String
        var value: JSONValue

        init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    /// JSON text, indented by two blanks a level.
    func rendered(indent: Int = 0) -> String {
        let inner = String(repeating: " ", count: indent + 2)
        let outer = String(repeating: " ", count: indent)
        switch self {
        case .string(let text): return Self.escaped(text)
        case .integer(let number): return String(number)
        case .number(let number): return number == number.rounded() ? String(Int64(number)) : String(number)
        case .boolean(let value): return value ? "true" : "false"
        case .array(let values) where values.isEmpty: return "[]"
        case .array(let values):
            let isFlat = values.allSatisfy(\.isScalar)
            let items = values.map { $0.rendered(indent: indent + 2) }
            return isFlat
                ? "[" + items.joined(separator: ", ") + "]"
                : "[\n" + items.map { inner + $0 }.joined(separator: ",\n") + "\n\(outer)]"
        case .object(let members) where members.isEmpty: return "{}"
        case .object(let members):
            let items = members.map { "\(inner)\(Self.escaped($0.key)): \($0.value.rendered(indent: indent + 2))" }
            return "{\n" + items.joined(separator: ",\n") + "\n\(outer)}"
        }
    }

    private var isScalar: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }

    private static func escaped(_ text: String) -> String { JSON.string(text).text }
}
