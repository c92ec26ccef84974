import Foundation
package import RollcallCore

/// What the answer to `GET /api/catalogs/{catalogName}/items/{itemId}` says of an item that was put before.
package enum ItemAnswer {
    /// Compares the answer with the document that was put.
    /// - Parameters:
    ///   - document: a JSON object.
    ///   - keepsOtherFields: whether fields that the document does not name may be there.
    /// - Returns: nil for an answer that is not one of Iterable's.
    package static func finding(
        _ answer: HTTPAnswer, document: [UInt8], keepsOtherFields: Bool
    ) -> ItemFinding? {
        let decoder = JSONDecoder()
        // A proxy that does not know the address answers 404 as well, but not with an object.
        guard let body = try? decoder.decode([String: JSONTree].self, from: Data(answer.body)) else { return nil }
        if answer.status == 404 { return .missing }
        // With an envelope around it, or without: sources differ.
        let item = body["params"]?.members ?? body
        guard let found = item["value"]?.members,
            let put = try? decoder.decode([String: JSONTree].self, from: Data(document))
        else { return nil }
        return JSONTree.agree(found, put, mayHaveMore: keepsOtherFields) ? .same : .differs
    }
}

/// Iterable may write the same value in another way: a fraction of zeros left out, null for a field that is not there, another form of
/// the same moment.
extension JSONTree {
    /// - Parameter mayHaveMore: whether `found` may have members that `put` does not name.
    fileprivate static func agree(_ found: [String: JSONTree], _ put: [String: JSONTree], mayHaveMore: Bool) -> Bool {
        let isThere = put.allSatisfy { name, value in agree(found[name] ?? .null, value) }
        return isThere && (mayHaveMore || found.allSatisfy { name, value in value.isNull || put[name] != nil })
    }

    private static func agree(_ found: JSONTree, _ put: JSONTree) -> Bool {
        switch (found, put) {
        case (.null, .null): true
        case (.boolean(let found), .boolean(let put)): found == put
        case (.integer(let found), .integer(let put)): found == put
        case (.number(let found), .number(let put)): found == put
        // Whole numbers are written with or without a point.
        case (.integer(let found), .number(let put)): Double(found) == put
        case (.number(let found), .integer(let put)): found == Double(put)
        case (.string(let found), .string(let put)): found.utf8.elementsEqual(put.utf8) || isSameMoment(found, put)
        case (.array(let found), .array(let put)):
            found.count == put.count && zip(found, put).allSatisfy { agree($0, $1) }
        case (.object(let found), .object(let put)): agree(found, put, mayHaveMore: false)
        default: false
        }
    }

    /// Whether two texts that differ are the same moment or day.
    private static func isSameMoment(_ found: String, _ put: String) -> Bool {
        guard let put = moment(put) else { return false }
        return moment(found) == put
    }

    /// Microseconds since 1970 of a date, or a date with a time; nil for any other text.
    private static func moment(_ text: String) -> Int64? {
        Array(text.utf8).withUnsafeBytes { CivilTimeText.microseconds(of: $0) }
    }
}
