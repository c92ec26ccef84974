import Foundation
import IterableProtocol
public import RollcallCore

extension IterableClient {
    /// `GET /api/users/getFields`: every field of the project's profiles, by name. Three calls a second.
    public func profileFields() async throws(DestinationError) -> [RemoteField] {
        let answer = try await answer(to: APICall(path: "/api/users/getFields", maximumAnswerBytes: 16 << 20))
        guard let body = try? JSONDecoder().decode(FieldsBody.self, from: Data(answer.body)) else {
            throw AnswerClassifier.unreadable(status: answer.status, changesSomething: false)
        }
        return body.fields.map { RemoteField(name: $0.key, type: $0.value) }.sorted { $0.name < $1.name }
    }
}

extension IterableClient {
    /// `GET /api/users/{email}`: whether the project has a profile with this email. A hundred calls a second.
    public func hasProfile(email: String) async throws(DestinationError) -> Bool {
        let answer = try await answer(
            to: APICall(path: "/api/users/\(Self.pathSegment(email))", maximumAnswerBytes: 16 << 20))
        guard let body = (try? JSONSerialization.jsonObject(with: Data(answer.body))) as? [String: Any] else {
            throw AnswerClassifier.unreadable(status: answer.status, changesSomething: false)
        }
        // An unknown address is an empty object, and not an error (source: recorded answers of public clients).
        return body["user"] != nil
    }
}

private struct FieldsBody: Decodable {
    var fields: [String: String]
}
