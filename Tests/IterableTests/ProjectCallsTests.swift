import Foundation
import Iterable
import RollcallCore
import Testing

/// What a project has beside lists.
@Suite struct ProjectCallsTests {
    /// Gives the requests these answers, one each.
    private func call<Value: Sendable>(
        _ answers: [ScriptedServer.Step], _ body: @Sendable (IterableClient) async throws -> Value
    ) async throws -> (Result<Value, DestinationError>, [ScriptedServer.Request]) {
        try await Harness.run { _, number in
            [answers[min(number, answers.count - 1)]]
        } _: { harness in
            let result: Result<Value, DestinationError>
            do {
                result = .success(try await body(harness.client))
            } catch let error as DestinationError {
                result = .failure(error)
            }
            return (result, harness.server.requests)
        }
    }

    @Test func profileFieldsComeByName() async throws {
        let body = #"{"fields":{"plan":"string","age":"long","home":"geo_location","Zone":"a_later_type"}}"#
        let (result, requests) = try await call([.send(Answers.json(200, body))]) { try await $0.profileFields() }
        #expect(
            try result.get() == [
                RemoteField(name: "Zone", type: "a_later_type"), RemoteField(name: "age", type: "long"),
                RemoteField(name: "home", type: "geo_location"), RemoteField(name: "plan", type: "string"),
            ])
        #expect(requests[0].line == "GET /api/users/getFields HTTP/1.1")
    }

    /// Iterable's description shows the content alone, its answers have an envelope around it.
    @Test(arguments: [#"{"params":{content}}"#, "{content}"])
    func catalogsComeInPages(_ envelope: String) async throws {
        func page(_ names: [String]) -> ScriptedServer.Step {
            let entries = names.map { "{\"name\":\"\($0)\"}" }.joined(separator: ",")
            let content = "{\"catalogNames\":[\(entries)],\"totalCatalogsCount\":3}"
            return .send(Answers.json(200, envelope.replacing("{content}", with: content)))
        }
        let (result, requests) = try await call([page(["a", "b"]), page(["c"])]) { try await $0.catalogs() }
        #expect(try result.get() == ["a", "b", "c"])
        #expect(
            requests.map(\.line) == [
                "GET /api/catalogs?page=1&pageSize=100 HTTP/1.1", "GET /api/catalogs?page=2&pageSize=100 HTTP/1.1",
            ])
    }

    /// A catalog that is deleted between two pages leaves fewer than Iterable has counted.
    @Test func anEmptyPageIsTheEnd() async throws {
        let first = #"{"params":{"catalogNames":[{"name":"a"}],"totalCatalogsCount":5}}"#
        let second = #"{"params":{"catalogNames":[],"totalCatalogsCount":1}}"#
        let (result, _) = try await call([.send(Answers.json(200, first)), .send(Answers.json(200, second))]) {
            try await $0.catalogs()
        }
        #expect(try result.get() == ["a"])
    }

    @Test func fieldsOfACatalogWithAndWithoutAType() async throws {
        let body = #"{"params":{"definedMappings":{"title":"string","price":"double"},"undefinedFields":["tags","a"]}}"#
        let (result, requests) = try await call([.send(Answers.json(200, body))]) {
            try await $0.fields(ofCatalog: "a/b ?é")
        }
        #expect(
            try result.get() == [
                RemoteField(name: "price", type: "double"), RemoteField(name: "title", type: "string"),
                RemoteField(name: "a", type: nil), RemoteField(name: "tags", type: nil),
            ])
        #expect(requests[0].line == "GET /api/catalogs/a%2Fb%20%3F%C3%A9/fieldMappings HTTP/1.1")
    }

    @Test(arguments: ["{}", "[]", "null", #"{"fields":[]}"#, #"{"fields":{"a":1}}"#, "<html>", ""])
    func whatIsNoAnswerOfIterablesIsAnError(_ body: String) async throws {
        for call in [
            { (client: IterableClient) in _ = try await client.profileFields() },
            { (client: IterableClient) in _ = try await client.catalogs() },
            { (client: IterableClient) in _ = try await client.fields(ofCatalog: "a") },
        ] as [@Sendable (IterableClient) async throws -> Void] {
            let (result, _) = try await self.call([.send(Answers.json(200, body))], call)
            guard case .failure(let error) = result else {
                Issue.record("\(body) was taken")
                continue
            }
            #expect(error.error.code == "unreadable_answer" && error.isTransient && !error.mayHaveBeenApplied)
        }
    }

    // MARK: Profiles

    @Test(arguments: [
        (ProfileName.email("ann+b/c@example.com"), "/api/users/ann%2Bb%2Fc%40example%2Ecom"),
        (.userID("u/1"), "/api/users/byUserId/u%2F1"),
    ])
    func aProfileIsLookedUp(_ name: ProfileName, _ path: String) async throws {
        let body = #"{"user":{"email":"ann@example.com","userId":"u-1","dataFields":{}}}"#
        let (result, requests) = try await call([.send(Answers.json(200, body))]) { try await $0.profile(name) }
        #expect(try result.get() == .found(userID: "u-1"))
        #expect(requests.map(\.line) == ["GET \(path) HTTP/1.1"])
    }

    @Test func whatSaysNothingOfAProfileIsAnError() async throws {
        let codes = [404: "route_not_found", 401: "api_key_refused", 429: "rate_limited", 500: "server_error"]
        for (status, code) in codes {
            let (result, _) = try await call([.send(Answers.json(status, "{}"))]) { try await $0.profile(.userID("u")) }
            guard case .failure(let error) = result else {
                Issue.record("\(status) was taken")
                continue
            }
            #expect(error.error.code == code)
        }
    }

    // MARK: Items

    private static let item = CatalogRequest.Item(id: "a-1", document: Array(#"{"title":"Pen"}"#.utf8))

    private func look(_ steps: [ScriptedServer.Step]) async throws -> (
        Result<ItemFinding, DestinationError>, [ScriptedServer.Request]
    ) {
        try await call(steps) { try await $0.look(at: Self.item, ofCatalog: "My-Products", keepsOtherFields: false) }
    }

    @Test(arguments: [
        (200, #"{"value":{"title":"Pen"}}"#, ItemFinding.same), (200, #"{"value":{"title":"Ink"}}"#, .differs),
        (404, #"{"error":"NotFound","message":"x","code":"error.catalogs.itemNotFound"}"#, .missing),
    ])
    func anItemIsReadBack(_ status: Int, _ body: String, _ expected: ItemFinding) async throws {
        let (result, requests) = try await look([.send(Answers.json(status, body))])
        #expect(try result.get() == expected)
        #expect(requests.map(\.line) == ["GET /api/catalogs/My-Products/items/a-1 HTTP/1.1"])
    }

    @Test(arguments: [
        (404, "<html>", "route_not_found"), (200, "<html>", "unreadable_answer"), (429, "{}", "rate_limited"),
    ])
    func anAnswerThatTellsNothingOfTheItem(_ status: Int, _ body: String, _ code: String) async throws {
        let (result, requests) = try await look([.send(Answers.json(status, body))])
        #expect(throws: DestinationError.self) { try result.get() }
        if case .failure(let error) = result { #expect(error.error.code == code) }
        #expect(requests.count == 1)
    }
}
