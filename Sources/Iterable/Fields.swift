import Foundation
import IterableProtocol
package import RollcallCore

extension IterableClient {
    /// `GET /api/users/getFields`: every field of the project's profiles, by name. Three calls a second.
    package func profileFields() async throws(DestinationError) -> [RemoteField] {
        let answer = try await answer(to: APICall(path: "/api/users/getFields", maximumAnswerBytes: 16 << 20))
        guard let body = try? JSONDecoder().decode(FieldsBody.self, from: Data(answer.body)) else {
            throw AnswerClassifier.unreadable(status: answer.status, changesSomething: false)
        }
        return body.fields.map { RemoteField(name: $0.key, type: $0.value) }.sorted { $0.name < $1.name }
    }
}

private struct FieldsBody: Decodable {
    var fields: [String: String]
}
