import Foundation
import IterableProtocol
import NIOHTTP1
package import RollcallCore

extension IterableClient {
    /// `POST /api/lists`: creates a Standard list and gives its id. Must not be repeated blindly: Iterable takes a
    /// second list of the same name.
    package func createList(
        name: String, description: String?, mayStillSend: @escaping @Sendable () -> Bool
    ) async throws(DestinationError) -> Int64 {
        guard let body = try? JSONEncoder().encode(NewList(name: name, description: description)) else {
            throw DestinationError(
                error: RunError(code: "list_name_invalid", message: "The list's name cannot be written as JSON."),
                isTransient: false)
        }
        let answer = try await answer(
            to: APICall(method: .POST, path: "/api/lists", body: Array(body), mayStillSend: mayStillSend))
        guard let created = try? JSONDecoder().decode(CreatedList.self, from: Data(answer.body)), created.listId > 0
        else {
            throw AnswerClassifier.unreadable(status: answer.status, changesSomething: true)
        }
        return created.listId
    }
}

private struct NewList: Encodable {
    var name: String
    /// Left out of the JSON where nil.
    var description: String?
}

private struct CreatedList: Decodable {
    var listId: Int64
}
