import Foundation
import RollcallCore

/// The fields that a refusal with `RequestFieldsTypesMismatched` names:
/// `{"params":{"validationErrors":{"signupDate":{"expectedType":"date","offendingValue":"GGG",…}}}}`.
enum TypeMismatches {
    /// In the order of their names; empty where the answer names none in this form.
    static func read(_ body: [UInt8]) -> [TypeMismatch] {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)) else { return [] }
        return answer.params.validationErrors.compactMap { field, error in
            guard let offending = error.offendingValue, offending != .null, !field.isEmpty else { return nil }
            // The server's own words are not passed on.
            let expected = error.expectedType.flatMap { knownTypes.contains($0) ? $0 : nil }
            return TypeMismatch(field: field, expected: expected, offending: offending)
        }.sorted { $0.field < $1.field }
    }

    private static let knownTypes: Set<String> = [
        "string", "long", "double", "boolean", "date", "object", "nested", "geo_location",
    ]

    private struct Answer: Decodable {
        struct Params: Decodable { var validationErrors: [String: Mismatch] }
        struct Mismatch: Decodable {
            var expectedType: String?
            var offendingValue: JSONTree?
        }
        var params: Params
    }
}
