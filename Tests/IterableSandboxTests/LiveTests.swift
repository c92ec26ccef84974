import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Testing

@testable import IterableSandbox

/// Sends one subscribe request for `email` over a real connection.
func subscribe(_ sandbox: Sandbox, _ list: Int, _ email: String) async throws -> (status: Int, text: String) {
    try await post(
        sandbox, "/api/lists/subscribe", "{\"listId\":\(list),\"subscribers\":[{\"email\":\"\(email)\"}]}")
}

private func post(_ sandbox: Sandbox, _ path: String, _ body: String) async throws -> (status: Int, text: String) {
    var request = HTTPClientRequest(url: (sandbox.baseURL ?? "") + path)
    request.method = .POST
    request.headers.add(name: "Api-Key", value: "sandbox-key")
    request.headers.add(name: "Content-Type", value: "application/json")
    request.body = .bytes(ByteBuffer(string: body))
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
    let buffer = try await response.body.collect(upTo: 1_000_000)
    return (Int(response.status.code), String(buffer: buffer))
}

private func event(_ user: String) -> String { "{\"email\":\"\(user)@shop.com\",\"eventName\":\"x\"}" }

private func withLive(_ fault: String, _ test: (Sandbox, Int) async throws -> Void) async throws {
    var options = SandboxOptions()
    options.port = 0
    options.faults = [try Fault(parsing: fault)]
    try await withSandbox(options) { sandbox in
        try await test(sandbox, sandbox.addList(name: "VIP"))
    }
}

@Suite("Over a real connection", .timeLimit(.minutes(10)))
struct LiveTests {
    @Test(
        "A status is answered and nothing applied",
        arguments: [
            (401, "BadApiKey"), (403, "Forbidden"), (408, ""), (413, "<html>"), (429, "RateLimitExceeded"),
            (500, "GenericError"), (502, "<html>"), (503, "<html>"), (504, "<html>"),
        ])
    func status(_ status: Int, _ part: String) async throws {
        try await withLive("\(status):nth=1") { sandbox, list in
            let answer = try await subscribe(sandbox, list, "a@shop.com")
            #expect(answer.status == status)
            #expect(part.isEmpty ? answer.text.isEmpty : answer.text.contains(part))
            #expect(sandbox.userCount == 0)
            #expect(try await subscribe(sandbox, list, "a@shop.com").status == 200)
        }
    }

    @Test("A status may come after the request took effect")
    func appliedStatus() async throws {
        try await withLive("502:apply=yes") { sandbox, list in
            let answer = try await subscribe(sandbox, list, "a@shop.com")
            #expect(answer.status == 502)
            #expect(sandbox.members(ofList: list).count == 1)
        }
    }

    @Test(
        "Dropped connections, before and after the request takes effect",
        arguments: [("drop-before", 0), ("drop-after", 1), ("stall:seconds=0.01,apply=no", 0)])
    func dropped(_ fault: String, _ members: Int) async throws {
        try await withLive(fault + (fault.contains(":") ? ",count=1" : ":count=1")) { sandbox, list in
            await #expect(throws: (any Error).self) { try await subscribe(sandbox, list, "a@shop.com") }
            #expect(sandbox.members(ofList: list).count == members)
            let record = try #require(sandbox.requestLog.first)
            #expect(record.status == nil)
            #expect(record.fault?.hasPrefix(fault.prefix(5)) == true)
            #expect(try await subscribe(sandbox, list, "b@shop.com").status == 200)
        }
    }

    @Test("A stalled request takes effect and is answered")
    func stall() async throws {
        try await withLive("stall:seconds=0.01") { sandbox, list in
            let answer = try await subscribe(sandbox, list, "a@shop.com")
            #expect(answer.status == 200)
            #expect(sandbox.members(ofList: list).count == 1)
        }
    }

    @Test("A late request takes effect after its connection is gone")
    func lateApply() async throws {
        try await withLive("late-apply:seconds=0.2,count=1") { sandbox, list in
            await #expect(throws: (any Error).self) { try await subscribe(sandbox, list, "a@shop.com") }
            #expect(await eventually { sandbox.members(ofList: list).count == 1 })
            #expect(await eventually { sandbox.counts.pendingLateRequests == 0 })
        }
    }

    @Test("A request that is still to be applied counts as under way for its people")
    func overlap() async throws {
        try await withLive("late-apply:seconds=3600,count=1") { sandbox, list in
            await #expect(throws: (any Error).self) { try await subscribe(sandbox, list, "a@shop.com") }
            _ = try await subscribe(sandbox, list, "b@shop.com")
            #expect(sandbox.counts.maxInFlightPerIdentifier == 1)
            #expect(sandbox.counts.pendingLateRequests == 1)
            _ = try await subscribe(sandbox, list, "A@shop.com")
            #expect(sandbox.counts.maxInFlightPerIdentifier == 2)
            #expect(sandbox.counts.overlappingIdentifiers == ["a@shop.com"])
        }
    }

    @Test("Faults reach one of the two calls for events; requests for one person's events are seen to overlap")
    func events() async throws {
        try await withLive("late-apply:seconds=3600,count=1,path=/api/events/trackBulk") { sandbox, _ in
            sandbox.addUser(email: "a@shop.com")
            sandbox.addUser(email: "b@shop.com")
            _ = try await post(sandbox, "/api/events/track", event("a"))
            await #expect(throws: (any Error).self) {
                try await post(sandbox, "/api/events/trackBulk", "{\"events\":[\(event("a")),\(event("a"))]}")
            }
            #expect(sandbox.counts.pendingLateRequests == 1)
            _ = try await post(sandbox, "/api/events/track", event("b"))
            #expect(sandbox.counts.maxInFlightPerIdentifier == 1)
            _ = try await post(sandbox, "/api/events/track", event("A"))
            #expect(sandbox.counts.overlappingIdentifiers == ["a@shop.com"])
            #expect(sandbox.eventCount == 3)
        }
    }

    @Test(
        "Unusable answers with status 200",
        arguments: [
            ("truncated", 1), ("truncated:apply=no", 0), ("html", 0), ("empty", 0), ("wrong-types", 1),
            ("html:apply=yes", 1),
        ])
    func unusable(_ fault: String, _ members: Int) async throws {
        try await withLive(fault) { sandbox, list in
            let answer = try await subscribe(sandbox, list, "a@shop.com")
            #expect(answer.status == 200)
            let json = try? JSONDecoder().decode(JSONValue.self, from: Data(answer.text.utf8))
            if fault == "wrong-types" {
                #expect(json?.members?["successCount"]?.text != nil)
            } else {
                #expect(json == nil)
            }
            #expect(answer.text.isEmpty == (fault == "empty"))
            #expect(sandbox.members(ofList: list).count == members)
        }
    }

    @Test("A port in use is a readable error; a stopped sandbox starts again with what it holds")
    func ports() async throws {
        var options = SandboxOptions()
        options.port = 0
        let first = try Sandbox(options: options)
        options.port = try await first.start()
        let list = first.addList(name: "VIP")
        #expect(try await subscribe(first, list, "a@shop.com").status == 200)
        let second = try Sandbox(options: options)
        await #expect(throws: SandboxError.portInUse(host: "127.0.0.1", port: options.port)) {
            try await second.start()
        }
        await #expect(throws: SandboxError.alreadyRunning) { try await first.start() }
        await first.stop()
        #expect(first.baseURL == nil)
        _ = try await first.start()
        #expect(try await subscribe(first, list, "b@shop.com").status == 200)
        #expect(first.members(ofList: list).count == 2)
        await first.stop()
    }

    @Test("run() returns when its task is cancelled, also with connections and stalled requests open")
    func cancellation() async throws {
        var options = SandboxOptions()
        options.port = 0
        options.faults = [Fault(.stall, trigger: .nth(2), seconds: 3600)]
        let sandbox = try Sandbox(options: options)
        let task = Task { try await sandbox.run() }
        #expect(await eventually { sandbox.port != nil })
        let list = sandbox.addList(name: "VIP")
        _ = try await subscribe(sandbox, list, "a@shop.com")
        let stalled = Task { try await subscribe(sandbox, list, "b@shop.com") }
        #expect(await eventually { sandbox.core.with { $0.faults.active[0].happened } == 1 })
        task.cancel()
        try await task.value
        await #expect(throws: (any Error).self) { _ = try await stalled.value }
        #expect(sandbox.members(ofList: list).count == 1)
    }
}
