import HTTPTypes
import Hummingbird
import Testing

@testable import IterableSandbox

@Suite("Strictness")
struct StrictnessTests {
    static let bodies: [(String, String, String?)] = [
        (#"{"listId":1,"subscribers":[{"email":"a@b.com"},{"email":5}]}"#, "obj.subscribers[1].email", "String"),
        (#"{"listId":1,"subscribers":[{"userId":7}]}"#, "obj.subscribers[0].userId", "String"),
        (#"{"listId":1,"subscribers":[{"preferUserId":"true"}]}"#, "obj.subscribers[0].preferUserId", "Boolean"),
        (#"{"listId":1,"subscribers":[{"preferUserId":1}]}"#, "obj.subscribers[0].preferUserId", "Boolean"),
        (#"{"listId":1,"subscribers":[{"mergeNestedObjects":0}]}"#, "obj.subscribers[0].mergeNestedObjects", "Boolean"),
        (#"{"listId":1,"subscribers":[{"dataFields":[]}]}"#, "obj.subscribers[0].dataFields", "Object"),
        (#"{"listId":1,"subscribers":["a@b.com"]}"#, "obj.subscribers[0]", "Object"),
        (#"{"listId":1,"subscribers":{}}"#, "obj.subscribers", "Array"),
        (#"{"listId":1,"subscribers":null}"#, "obj.subscribers", "Array"),
        (#"{"listId":"1","subscribers":[]}"#, "obj.listId", "Number"),
        (#"{"listId":1.5,"subscribers":[]}"#, "obj.listId", "Number"),
        (#"{"listId":null,"subscribers":[]}"#, "obj.listId", "Number"),
        (#"{"listId":true,"subscribers":[]}"#, "obj.listId", "Number"),
        (#"{"listId":1,"subscribers":[],"updateExistingUsersOnly":"no"}"#, "obj.updateExistingUsersOnly", "Boolean"),
        (#"{"subscribers":[]}"#, "obj.listId", nil), (#"{"listId":1}"#, "obj.subscribers", nil),
    ]

    @Test("Wrong types and missing members refuse the whole request", arguments: bodies)
    func badBody(_ body: String, _ path: String, _ expected: String?) async throws {
        try await withAPI { api in
            let answer = try await api(.post, "/api/lists/subscribe", body)
            #expect(answer.status == 400)
            #expect(answer["code"] == "BadJsonBody")
            #expect(answer["msg"] == "[/api/lists/subscribe] Invalid JSON body")
            let found = answer["params"]?.members
            #expect(found.map { Array($0.keys) } == [path])
            if let expected {
                #expect(found?[path] == .string("\(expected) value expected"))
            } else {
                #expect(found?[path] == [["msg": "error.path.missing", "args": []]])
            }
            #expect(api.sandbox.counts.badRequests == 1)
        }
    }

    @Test("Text that is no JSON is refused", arguments: ["", "{", "[]", "\"x\"", #"{"listId":1,"subscribers":[}"#])
    func noJSON(_ body: String) async throws {
        try await withAPI { api in
            let answer = try await api(.post, "/api/lists/subscribe", body)
            #expect(answer.status == 400)
            #expect(answer["code"] == "BadJsonBody")
        }
    }

    @Test("channelUnsubscribe and campaignId are strict too, unknown members are ignored")
    func unsubscribeMembers() async throws {
        try await withAPI { api async throws in
            let list = api.sandbox.addList(name: "VIP")
            for (extra, status) in [
                (",\"channelUnsubscribe\":\"false\"", 400), (",\"campaignId\":\"7\"", 400), (",\"campaignId\":7", 200),
                (",\"somethingElse\":[1]", 200),
            ] {
                #expect(try await api.unsubscribe(list, extra: extra).status == status)
            }
        }
    }

    @Test("Only the header carries the key")
    func keys() async throws {
        try await withAPI({
            $0.otherDataCenterKeys = ["eu-key"]
            $0.clientSideKeys = ["mobile-key"]
        }) { api in
            #expect(try await api(.get, "/api/lists").status == 200)
            #expect(try await api(.get, "/api/lists", key: nil, headers: ["Api_Key": "sandbox-key"]).status == 200)
            for key in [nil, "wrong", "eu-key", "mobile-key", "Sandbox-Key"] {
                let answer = try await api(.get, "/api/lists?api_key=sandbox-key", key: key)
                #expect(answer.status == 401)
                #expect(answer["code"] == "BadApiKey")
                #expect(answer["params", "endpoint"] == "/api/lists")
            }
            let inBody = try await api(.post, "/api/lists", #"{"name":"x","apiKey":"sandbox-key"}"#, key: nil)
            #expect(inBody.status == 401)
            #expect(api.sandbox.lists().isEmpty)
        }
    }

    @Test("Unknown routes are an HTML page")
    func unknownRoute() async throws {
        try await withAPI { api in
            for path in ["/api/list", "/nothing", "/api/lists/7/nothing"] {
                let answer = try await api(.get, path)
                #expect(answer.status == 404)
                #expect(answer.contentType.hasPrefix("text/html"))
            }
            #expect(try await api(.delete, "/api/lists").status == 404)
            let disabled = try await api(.put, "/api/subscriptions/emailList/7?action=subscribe", "{}")
            #expect(disabled.status == 404)
        }
    }

    @Test("Bodies beyond the limit, compressed bodies and other types are refused")
    func bodyForms() async throws {
        try await withAPI({ $0.maxBodyBytes = 100 }) { api in
            let fits = #"{"name":""# + String(repeating: "x", count: 89) + #""}"#
            #expect(fits.utf8.count == 100)
            #expect(try await api(.post, "/api/lists", fits).status == 200)
            let large = try await api(.post, "/api/lists", fits + " ")
            #expect(large.status == 413)
            #expect(large.contentType.hasPrefix("text/html"))
            let zipped = try await api(.post, "/api/lists", "{}", headers: ["Content-Encoding": "gzip"])
            #expect(zipped.status == 415)
            let form = try await api(.post, "/api/lists", "{}", headers: ["Content-Type": "text/plain"])
            #expect(form.status == 415)
        }
    }
}
