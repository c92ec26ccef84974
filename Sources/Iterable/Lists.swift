import Foundation
import IterableProtocol
package import RollcallCore

extension IterableClient {
    /// `GET /api/lists`: every list of the project. Iterable does not page them.
    package func lists() async throws(DestinationError) -> [RemoteList] {
        let answer = try await answer(to: APICall(path: "/api/lists", maximumAnswerBytes: 64 << 20))
        guard let body = try? JSONDecoder().decode(ListsBody.self, from: Data(answer.body)) else {
            throw AnswerClassifier.unreadable(status: answer.status, changesSomething: false)
        }
        return body.lists.map(\.list)
    }
}

private struct ListsBody: Decodable {
    var lists: [Entry]

    struct Entry: Decodable {
        var list: RemoteList

        enum CodingKeys: CodingKey { case id, name, description, listType, createdAt }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            list = RemoteList(
                id: try container.decode(Int64.self, forKey: .id),
                name: try container.decode(String.self, forKey: .name),
                description: try container.decodeIfPresent(String.self, forKey: .description),
                listType: try container.decodeIfPresent(String.self, forKey: .listType) ?? "",
                createdAt: try? container.decodeIfPresent(Int64.self, forKey: .createdAt))
        }
    }
}
