import Foundation
import HTTPTypes
import Testing

@testable import IterableSandbox

/// Requests that no client of Iterable would send: the sandbox refuses them and goes on.
@Suite("Hostile requests") struct HostileRequestTests {
    private static let calls: [(HTTPRequest.Method, String, String)] = [
        (
            .post, "/api/lists/subscribe",
            #"{"listId":1,"subscribers":[{"email":"a@b.com","userId":"u","preferUserId":true}]}"#
        ),
        (
            .post, "/api/lists/unsubscribe",
            #"{"listId":1,"channelUnsubscribe":false,"subscribers":[{"email":"a@b.com"}]}"#
        ),
        (.post, "/api/lists", #"{"name":"VIP","description":"x"}"#),
        (
            .post, "/api/users/update",
            #"{"email":"a@b.com","dataFields":{"a":{"b":[1,null,1.5]}},"mergeNestedObjects":true}"#
        ),
        (.post, "/api/users/bulkUpdate", #"{"users":[{"email":"a@b.com","dataFields":{"n":1}}]}"#),
        (.post, "/api/events/track", #"{"email":"a@b.com","eventName":"x","createdAt":1700000000}"#),
        (
            .post, "/api/events/trackBulk",
            #"{"events":[{"email":"a@b.com","eventName":"x","id":"a-1","createdAt":-1,"dataFields":{"n":[{"a":1}]}}]}"#
        ),
        (.get, "/api/events/a%40b.com?limit=200", ""),
        (.get, "/api/lists/getUsers?listId=1&preferUserId=true", ""), (.get, "/api/lists/1/size", ""),
        (.get, "/api/users/getByEmail?email=a%40b.com", ""), (.delete, "/api/lists/1", ""),
    ]

    private static let inserted = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "null", "true", "-1", "1e400",
        "9223372036854775808",
        "0.1", "\"listId\":", "[[[[[[", "\u{301}", "\u{0}", "é", "😀", "%", "%00", "%2e", "+", "&", "=", "/", "?", "#",
    ]

    private static func mutated(_ text: String, _ random: inout SeededGenerator) -> String {
        var scalars = Array(text.unicodeScalars)
        for _ in 0...Int.random(in: 0...3, using: &random) {
            let place = Int.random(in: 0...scalars.count, using: &random)
            switch Int.random(in: 0...3, using: &random) {
            case 0 where place < scalars.count: scalars.remove(at: place)
            case 1: scalars = Array(scalars.prefix(place))
            case 2:
                let part = scalars.prefix(place).suffix(20)
                scalars.insert(contentsOf: part, at: Int.random(in: 0...scalars.count, using: &random))
            default:
                scalars.insert(contentsOf: (inserted.randomElement(using: &random) ?? "").unicodeScalars, at: place)
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }

    @Test("Every request gets an answer, and a right one afterwards too", .timeLimit(.minutes(10)))
    func answersAll() async throws {
        try await withAPI { api async throws in
            var random = SeededGenerator(seed: 97)
            let list = api.sandbox.addList(name: "VIP")
            for _ in 0..<1_500 {
                guard let (method, path, body) = Self.calls.randomElement(using: &random) else { continue }
                let hostilePath = Int.random(in: 0...2, using: &random) == 0
                let target = hostilePath ? Self.mutated(path, &random).filter { $0.isASCII && $0 > " " } : path
                guard target.hasPrefix("/") else { continue }
                let answer = try await api(method, target, body.isEmpty ? nil : Self.mutated(body, &random))
                #expect([200, 400, 401, 404, 405, 413, 415, 429].contains(answer.status), "\(target): \(answer)")
            }
            let id = api.sandbox.lists().contains { $0.id == list } ? list : api.sandbox.addList(name: "VIP")
            let right = try await api.subscribe(id, #"{"email":"after@example.com"}"#)
            #expect(right.status == 200 && right["successCount"] == 1, "\(right)")
        }
    }

    @Test("Depth is refused", arguments: ["[", "{\"a\":"])
    func depth(_ part: String) async throws {
        try await withAPI { api async throws in
            let body = "{\"listId\":1,\"subscribers\":" + String(repeating: part, count: 100_000)
            let answer = try await api(.post, "/api/lists/subscribe", body)
            #expect(answer.status == 400)
        }
    }

    @Test("Texts of faults never crash")
    func faults() {
        var random = SeededGenerator(seed: 101)
        for _ in 0..<3_000 {
            let text = Self.mutated("429:p=0.5,count=2,path=/api/lists,retry-after=3", &random)
            _ = try? Fault(parsing: text)
        }
    }
}
