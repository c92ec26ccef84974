import Foundation
import RollcallCore
import Warehouse

/// What a row of the audience says beside its identifiers: the columns `tier` and `spent`, sent as the fields of these names.
struct MemberValues: Hashable, Sendable {
    /// 0: NULL.
    private var digits = [0, 0]
    /// Whether the tier cannot be sent.
    private(set) var isFlawed = false

    /// No value in either column.
    init() {}

    /// Fields by name, as JSON.
    typealias Fields = [String: String]

    /// What is cleared.
    static let null = "null"
    static let names = ["tier", "spent"]

    static let columns = [
        AudienceColumn(name: "tier", type: "text", canIdentify: true, family: .text),
        AudienceColumn(name: "spent", type: "bigint", canIdentify: true, family: .long),
    ]
    /// As the project has them.
    static let remote = [RemoteField(name: "spent", type: "long"), RemoteField(name: "tier", type: "string")]

    /// - Parameter code: from 0 to below ``codes``.
    init(code: Int, isFlawed: Bool = false) {
        digits = [code % 4, code / 4 % 3]
        self.isFlawed = isFlawed
    }

    static let codes = 12

    private var tier: String? {
        // U+0000 is seen in a text only when it is written as JSON.
        isFlawed ? "a\u{0}" : digits[0] == 0 ? nil : ["gold", "silver", "basic"][digits[0] - 1]
    }
    private var spent: Int64? { digits[1] == 0 ? nil : Int64(digits[1]) }

    /// What is to be sent; nil: nothing can be.
    var fields: Fields? {
        if isFlawed { return nil }
        var fields: Fields = [:]
        fields["tier"] = tier.map { "\"\($0)\"" }
        fields["spent"] = spent.map { String($0) }
        return fields
    }

    func write(to row: inout TableRow) {
        row["tier"] = tier.map { .text($0) } ?? .null
        row["spent"] = spent.map { .integer($0) } ?? .null
    }

    /// The fields of an object that was sent; nil: it is no object.
    static func fields(of payload: [UInt8]) -> Fields? {
        (try? JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any]).map(fields(of:))
    }

    static func fields(of object: [String: Any]) -> Fields {
        object.mapValues { value in
            if value is NSNull { return null }
            if let text = value as? String { return "\"\(text)\"" }
            return "\(value)"
        }
    }

    static func summary(_ fields: Fields) -> String {
        "{" + fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ") + "}"
    }
}

extension MemberValues.Fields {
    var withoutNulls: Self { filter { $0.value != MemberValues.null } }
    /// The fields that are cleared.
    var nulls: Set<String> { Set(filter { $0.value == MemberValues.null }.keys) }
}
