import Foundation
import NIOCore

/// Body of `POST /api/lists`.
private struct NewList: Decodable, Sendable {
    let name: String
    let description: String?
}

/// The calls that create, delete and read lists.
enum ListCalls {
    static let endpoints: [Endpoint] = [
        .plain("GET", "/api/lists", limit: .perSecond(100)) { _, state, _ in allLists(state) },
        .decoding(NewList.self, "POST", "/api/lists") { body, _, state, moment in
            try create(body, &state, moment)
        },
        .plain("DELETE", "/api/lists/:listId") { call, state, _ in try delete(call, &state) },
        .plain("GET", "/api/lists/:listId/size", limit: .listReads) { call, state, _ in
            .text(String(try list(call.parameter("listId"), in: state).members.count))
        },
        .plain("GET", "/api/lists/getUsers", limit: .listReads) { call, state, _ in try users(call, state) },
        .plain("GET", "/api/lists/previewUsers", limit: .listReads) { call, state, _ in
            try preview(call, &state)
        },
    ]

    private static func allLists(_ state: SandboxState) -> Reply {
        let lists = state.lists.values.sorted { $0.id > $1.id }.map { list -> JSONValue in
            var members: [String: JSONValue] = [
                "id": .int(list.id), "name": .string(list.name), "createdAt": .int(list.createdAt),
                "listType": .string(list.type.rawValue),
            ]
            if let description = list.description { members["description"] = .string(description) }
            if list.type == .suppression { members["isGlobalSuppressionEnabled"] = false }
            return .object(members)
        }
        return .json(["lists": .array(lists)])
    }

    private static func create(_ new: NewList, _ state: inout SandboxState, _ moment: Moment) throws -> Reply {
        guard new.name.contains(where: { !$0.isWhitespace }) else {
            throw Refusal(.badParams("List name must not be empty"))
        }
        let id = state.addList(
            name: new.name, description: new.description,
            visibleFrom: moment.now + .seconds(state.options.listVisibleAfterSeconds), at: moment.time)
        return .json(["listId": .int(id)])
    }

    private static func delete(_ call: APICall, _ state: inout SandboxState) throws -> Reply {
        let id = try listID(call.parameter("listId"))
        guard let list = state.lists[id] else {
            throw Refusal(
                .badParams(
                    "Unable to delete list \(id) in Project \(SandboxState.projectID), which does not exist."))
        }
        guard !list.isInUse else {
            throw Refusal(.envelope("Conflict", "List \(id) is in use.", status: 409))
        }
        state.removeList(id)
        return .success("List \(id) in Project \(SandboxState.projectID) was successfully deleted.")
    }

    private static func users(_ call: APICall, _ state: SandboxState) throws -> Reply {
        let list = try queriedList(call, in: state)
        let prefersUserID = try call.flag("preferUserId")
        return lines(list.members.sorted(), state, prefersUserID)
    }

    private static func preview(_ call: APICall, _ state: inout SandboxState) throws -> Reply {
        let list = try queriedList(call, in: state)
        let prefersUserID = try call.flag("preferUserId")
        let size = try call.integer("size") ?? 1000
        guard (1...5000).contains(size) else { throw Refusal(.badParams("size must be between 1 and 5000")) }
        let sample = list.members.sorted().shuffled(using: &state.generator).prefix(size)
        return lines(Array(sample), state, prefersUserID)
    }

    /// One identifier per line, each line with its end.
    private static func lines(_ numbers: [Int], _ state: SandboxState, _ prefersUserID: Bool) -> Reply {
        var chunks: [ByteBuffer] = []
        var chunk = ByteBuffer()
        for number in numbers {
            guard let profile = state.profiles[number] else { continue }
            let byUserID = state.options.projectType == .userID || prefersUserID
            let line = byUserID ? profile.userID ?? profile.email : profile.email ?? profile.userID
            chunk.writeString(line ?? "")
            chunk.writeString("\n")
            if chunk.readableBytes >= 65_536 {
                chunks.append(chunk)
                chunk = ByteBuffer()
            }
        }
        if chunk.readableBytes > 0 { chunks.append(chunk) }
        return Reply(contentType: "text/plain", body: .chunks(chunks))
    }

    private static func queriedList(_ call: APICall, in state: SandboxState) throws -> ListRecord {
        guard let text = call.query["listId"] else { throw Refusal(.badParams("Missing parameter: listId")) }
        return try list(text, in: state)
    }

    private static func list(_ text: String, in state: SandboxState) throws -> ListRecord {
        let id = try listID(text)
        guard let list = state.lists[id] else {
            // The parameters are strings here, as recorded.
            let params: JSONValue = [
                "projectId": .string(String(SandboxState.projectID)), "listId": .string(String(id)),
            ]
            throw Refusal(.badParams("Invalid email list id", params: params))
        }
        return list
    }

    private static func listID(_ text: String) throws -> Int {
        guard let id = Int(text) else { throw Refusal(.badParams("Cannot parse parameter listId as Long")) }
        return id
    }
}
