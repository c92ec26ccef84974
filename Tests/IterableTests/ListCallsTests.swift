import Foundation
import Iterable
import RollcallCore
import Synchronization
import Testing

@Suite struct ListCallsTests {
    private func call<Value: Sendable>(
        _ steps: [ScriptedServer.Step], timeout: Double = 120, _ body: @Sendable (IterableClient) async throws -> Value
    ) async throws -> (Result<Value, DestinationError>, [ScriptedServer.Request]) {
        try await Harness.run(timeout: timeout) { _, _ in
            steps
        } _: { harness in
            do {
                return (.success(try await body(harness.client)), harness.server.requests)
            } catch let error as DestinationError {
                return (.failure(error), harness.server.requests)
            }
        }
    }

    private func members(_ steps: [ScriptedServer.Step], timeout: Double = 120) async throws -> Result<
        [String], DestinationError
    > {
        try await call(steps, timeout: timeout) { client in
            let found = Mutex<[String]>([])
            try await client.members(ofList: 42, preferUserID: true) { line in found.withLock { $0.append(line) } }
            return found.withLock { $0 }
        }.0
    }

    @Test func lists() async throws {
        let body = """
            {"lists":[
             {"id":1068682,"name":"List One","description":"…","createdAt":1625162718344,"listType":"Standard"},
             {"id":7,"name":"Bounced","listType":"Suppression","isGlobalSuppressionEnabled":true},
             {"id":9,"name":"New kind","listType":"Whatever","createdAt":"soon"}]}
            """
        let (result, requests) = try await call([.send(Answers.json(200, body))]) { try await $0.lists() }
        #expect(
            try result.get() == [
                RemoteList(
                    id: 1_068_682, name: "List One", description: "…", listType: "Standard",
                    createdAt: 1_625_162_718_344),
                RemoteList(id: 7, name: "Bounced", listType: "Suppression"),
                RemoteList(id: 9, name: "New kind", listType: "Whatever"),
            ])
        #expect(requests[0].line == "GET /api/lists HTTP/1.1")
        #expect(requests[0].headers["api-key"] == Harness.key)
    }

    @Test func createList() async throws {
        let (result, requests) = try await call([.send(Answers.json(200, #"{"listId":1068682}"#))]) {
            try await $0.createList(name: "VIP \"gold\" / ü", description: nil)
        }
        #expect(try result.get() == 1_068_682)
        #expect(requests[0].line == "POST /api/lists HTTP/1.1")
        let sent = try JSONSerialization.jsonObject(with: Data(requests[0].body.utf8)) as? [String: String]
        #expect(sent == ["name": "VIP \"gold\" / ü"])
    }

    @Test func aListMayHaveBeenCreatedAlthoughTheAnswerIsLost() async throws {
        let unanswered: [[ScriptedServer.Step]] = [
            [.reset], [.send(Answers.json(200, "{}"))], [.send(Answers.json(503, ""))],
            [.send(Answers.json(200, #"{"listId":"7"}"#))], [.send(Answers.json(200, #"{"listId":0}"#))],
        ]
        for steps in unanswered {
            let result = try await call(steps) { try await $0.createList(name: "VIP", description: "x") }.0
            guard case .failure(let error) = result else {
                Issue.record("\(steps)")
                continue
            }
            #expect(error.mayHaveBeenApplied && error.isTransient)
        }
        let refused = try await call([.send(Answers.json(400, #"{"code":"BadJsonBody"}"#))]) {
            try await $0.createList(name: "VIP", description: nil)
        }.0
        guard case .failure(let error) = refused else {
            Issue.record("not refused")
            return
        }
        #expect(!error.mayHaveBeenApplied && !error.isTransient)
    }

    @Test func membersArriveInPieces() async throws {
        let steps = Answers.chunked(["anna@example.com\nben@", "example", ".com\r\n\nu", "-3\n", "last"])
        #expect(try await members(steps).get() == ["anna@example.com", "ben@example.com", "u-3", "last"])
        #expect(try await members(Answers.chunked([])).get() == [])
        #expect(try await members([.send(Answers.text(200, ""))]).get() == [])
    }

    @Test func manyMembersArriveWhole() async throws {
        let names = (0..<50_000).map { "person.\($0)@example.com" }
        let text = names.joined(separator: "\n") + "\n"
        #expect(try await members([.send(Answers.text(200, text))]).get() == names)
    }

    @Test func theQueryOfMembers() async throws {
        let (_, requests) = try await call([.send(Answers.text(200, ""))]) {
            try await $0.members(ofList: 42, preferUserID: false) { _ in }
        }
        #expect(requests[0].line == "GET /api/lists/getUsers?listId=42&preferUserId=false HTTP/1.1")
    }

    @Test func brokenMemberListsAreErrors() async throws {
        let broken: [([ScriptedServer.Step], String)] = [
            (Answers.chunked(["anna@example.com\n"], end: false), "connection_lost"),
            ([.send(Answers.text(200, String(repeating: "x", count: 5000)))], "unreadable_answer"),
            ([.send(Answers.text(200, "<html>\n", type: "Text/HTML; charset=utf-8"))], "unreadable_answer"),
            ([.reset], "connection_lost"),
            ([.send(Answers.json(400, #"{"msg":"Invalid email list id","code":"BadParams"}"#))], "list_not_found"),
            ([.send(Answers.json(429, "")), .close], "rate_limited"),
            ([.send("HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\n"), .close], "server_error"),
        ]
        for (steps, code) in broken {
            guard case .failure(let error) = try await members(steps) else {
                Issue.record("\(code)")
                continue
            }
            #expect(error.error.code == code)
            #expect(!error.mayHaveBeenApplied)
        }
    }

    @Test(arguments: [[ScriptedServer.Step.hold], [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), .hold]])
    func silentMemberListsAreGivenUp(steps: [ScriptedServer.Step]) async throws {
        guard case .failure(let error) = try await members(steps, timeout: 0.4) else {
            Issue.record("not given up")
            return
        }
        #expect(error.error.code == "timeout")
        #expect(error.isTransient)
    }

    @Test(arguments: [
        (401, "", "api_key_refused", false), (403, "", "api_key_forbidden", false),
        (404, "<html>", "route_not_found", false), (403, "<html>", "proxy_answer", false),
        (429, "", "rate_limited", true), (500, "", "server_error", true), (502, "<html>", "server_error", true),
        (302, "", "redirected", false), (200, "<html>", "unreadable_answer", true),
        (200, "[]", "unreadable_answer", true),
        (200, #"{"lists":[{"name":"x"}]}"#, "unreadable_answer", true),
    ])
    func errorsOfLists(status: Int, body: String, code: String, transient: Bool) async throws {
        let result = try await call([.send(Answers.text(status, body))]) { try await $0.lists() }.0
        guard case .failure(let error) = result else {
            Issue.record("no error")
            return
        }
        #expect(error.error.code == code)
        #expect(error.isTransient == transient)
        #expect(!error.mayHaveBeenApplied)
    }

    @Test func aWrongKeyIsExplained() async throws {
        let body = #"{"msg":"Invalid API key","code":"BadApiKey","params":{}}"#
        let result = try await call([.send(Answers.json(401, body))]) { try await $0.lists() }.0
        guard case .failure(let error) = result else {
            Issue.record("no error")
            return
        }
        #expect(error.error.message == "Iterable refused the API key. (HTTP 401, code BadApiKey)")
        #expect(error.error.hint?.contains("data_center") == true)
    }
}
