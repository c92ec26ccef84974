import Foundation
import Iterable
import IterableProtocol
import RollcallCore
import Synchronization
import TestSupport
import Testing

/// What of a delivery's answer decides: `ok`, or what to do and why.
func gist(_ answer: DeliveryAnswer) -> String {
    switch answer {
    case .answered(let outcomes, let status, _):
        "answered \(status) " + outcomes.map { $0 == .succeeded ? "ok" : "no" }.joined(separator: " ")
    case .ambiguous(let reason): "ambiguous \(reason.code)"
    case .refused(let reason), .mismatched(let reason, _): "refused \(reason.code)"
    case .retry(let reason, let after, let applied, let cause):
        "retry \(reason.code) applied=\(applied) limited=\(cause == .rateLimit) after=\(after.map { "\($0)" } ?? "-")"
    case .targetNotFound(let error): "list not found \(error.code)"
    case .stop(let error): "stop \(error.code)"
    case .withheld: "withheld"
    }
}

@Suite struct DeliverTests {
    private func deliver(
        timeout: Double = 120, _ script: @escaping @Sendable (ScriptedServer.Request, Int) -> [ScriptedServer.Step]
    ) async throws -> String {
        try await Harness.run(timeout: timeout, script: script) { gist(await $0.client.deliver(Harness.request)) }
    }

    @Test func theRequestIsWhatIterableAsksFor() async throws {
        let requests = try await Harness.run { _, _ in
            [.send(Answers.bothSucceeded)]
        } _: { harness in
            #expect(gist(await harness.client.deliver(Harness.request)) == "answered 200 ok ok")
            #expect(gist(await harness.client.deliver(Harness.request(.unsubscribe))) == "answered 200 ok ok")
            return harness.server.requests
        }
        #expect(requests.map(\.line) == ["POST /api/lists/subscribe HTTP/1.1", "POST /api/lists/unsubscribe HTTP/1.1"])
        #expect(requests[0].headers["api-key"] == Harness.key)
        #expect(requests[0].headers["user-agent"] == "rollcall/1.2.3")
        #expect(requests[0].headers["content-type"] == "application/json; charset=utf-8")
        #expect(requests[0].headers["content-length"] == "\(requests[0].body.utf8.count)")
        #expect(requests[0].headers["accept-encoding"] == nil)
        #expect(
            requests[0].body
                == #"{"listId":42,"subscribers":[{"email":"anna@example.com","userId":"u-1"},"#
                + #"{"email":"ben@example.com"}]}"#)
        #expect(
            requests[1].body
                == #"{"listId":42,"channelUnsubscribe":false,"subscribers":[{"userId":"u-1"},"#
                + #"{"email":"ben@example.com"}]}"#)
    }

    @Test(arguments: [
        (202, #"{"msg":"accepted","code":"Success","params":null}"#, "answered 202 ok ok"),
        (200, "{}", "answered 200 ok ok"),
        (202, "<html></html>", "retry unreadable_answer applied=true limited=false after=-"),
        (
            202, #"{"msg":"no","code":"GenericError"}"#,
            "retry unreadable_answer applied=true limited=false after=-"
        ),
        (
            404, #"{"error":"NotFound","message":"no","code":"error.catalogs.notFound"}"#,
            "list not found catalog_missing"
        ),
        (404, "<html></html>", "stop route_not_found"), (404, "", "stop route_not_found"),
        (400, #"{"error":"BadRequest","message":"no","code":"error.catalogs.invalidItemId"}"#, "refused bad_request"),
        (413, "too large", "refused batch_too_large"), (401, "{}", "stop api_key_refused"),
        (429, "slow down", "retry rate_limited applied=false limited=true after=-"),
        (500, "oops", "retry server_error applied=true limited=false after=-"),
    ])
    func itemsOfCatalogs(_ status: Int, _ body: String, _ expected: String) async throws {
        let requests = try await Harness.run { _, _ in
            [.send(Answers.json(status, body))]
        } _: { harness in
            let items = [
                CatalogRequest.Item(id: "a-1", document: Array(#"{"price":1.0}"#.utf8)),
                CatalogRequest.Item(id: "b", document: Array("{}".utf8)),
            ]
            let put = CatalogRequest(catalog: "pro-ducts", operation: .put, items: items)
            #expect(gist(await harness.client.deliver(.catalog(put))) == expected)
            var deletion = put
            deletion.operation = .delete
            #expect(gist(await harness.client.deliver(.catalog(deletion))) == expected)
            var merge = put
            (merge.keepsOtherFields, merge.catalogIsNew) = (true, true)
            let isNew = expected == "list not found catalog_missing"
            #expect(
                gist(await harness.client.deliver(.catalog(merge)))
                    == (isNew ? "retry catalog_not_ready applied=false limited=false after=-" : expected))
            return harness.server.requests
        }
        #expect(
            requests.map(\.line) == [
                "POST /api/catalogs/pro-ducts/items HTTP/1.1", "DELETE /api/catalogs/pro-ducts/items HTTP/1.1",
                "POST /api/catalogs/pro-ducts/items HTTP/1.1",
            ])
        #expect(
            requests.map(\.body) == [
                #"{"documents":{"a-1":{"price":1.0},"b":{}},"replaceUploadedFieldsOnly":false}"#,
                #"{"itemIds":["a-1","b"]}"#,
                #"{"documents":{"a-1":{"price":1.0},"b":{}},"replaceUploadedFieldsOnly":true}"#,
            ])
    }

    @Test func fourMillionBytesArriveWhole() async throws {
        let people = (0..<40_000).map { Identity(email: "person.number.\($0)@example.com", userID: "user \($0)") }
        let request = ListRequest(listID: 1, operation: .subscribe, subscribers: people)
        var expected: [UInt8] = []
        ListBody.write(request, into: &expected)
        let body = try await Harness.run { _, _ in
            [.send(Answers.json(200, #"{"successCount":40000,"failCount":0}"#))]
        } _: { harness in
            let answer = await harness.client.deliver(.list(request))
            #expect(gist(answer).hasPrefix("answered 200 ok"))
            return harness.server.requests[0].body
        }
        #expect(body == String(decoding: expected, as: UTF8.self))
    }

    @Test func refusedConnectionsWereCertainlyNotCarriedOut() async throws {
        let client = Harness.client(baseURL: "http://127.0.0.1:\(try LoopbackListener.freePort())")
        let answer = await client.deliver(Harness.request)
        await client.shutdown()
        #expect(gist(answer) == "retry connect_failed applied=false limited=false after=-")
    }

    @Test func failedTLSHandshakesWereCertainlyNotCarriedOut() async throws {
        let server = try ScriptedServer { _, _ in [.close] }
        let listener = try ScriptedServer(greeting: "220 mail.example.com ESMTP\r\n")
        for port in [server.port, listener.port] {
            let client = Harness.client(baseURL: "https://127.0.0.1:\(port)", timeout: 2)
            let answer = await client.deliver(Harness.request)
            await client.shutdown()
            #expect(gist(answer).contains("applied=false"), "\(answer)")
        }
    }

    /// As ``deliver(timeout:_:)``, with a time-out that is doubled while it was too short on a busy machine for what the test
    /// is about.
    private func deliver(
        whileTooShort isTooShort: (String) -> Bool,
        _ script: @escaping @Sendable (ScriptedServer.Request, Int) -> [ScriptedServer.Step]
    ) async throws -> String {
        var timeout = 0.4
        while true {
            let answer = try await deliver(timeout: timeout, script)
            guard isTooShort(answer), timeout < 60 else { return answer }
            timeout *= 2
        }
    }

    @Test(arguments: [
        (ScriptedServer.Step.reset, "connection_lost"), (.close, "connection_lost"),
        (.send("HTTP/1.1 200 OK\r\nContent-Le"), "connection_lost"),
        (.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"successCount\":2"), "connection_lost"),
        (.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"suc"), "connection_lost"),
        (.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "connection_lost"),
        (.send("SSH-2.0-OpenSSH_9.2\r\n"), "connection_lost"),
    ])
    func brokenAnswersMayHaveBeenApplied(step: ScriptedServer.Step, code: String) async throws {
        let answer = try await deliver { _, _ in [step, .close] }
        #expect(answer == "retry \(code) applied=true limited=false after=-")
    }

    /// A body that ends with the connection, and one that is longer than the head said: whether the body is read before the
    /// end of the connection is noticed is a matter of moments, and both readings are right.
    @Test(arguments: [
        "HTTP/1.1 200 OK\r\n\r\n{\"successCount\":2,\"failCou",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"successCount\":2,\"failCount\":0}",
    ])
    func answersCutShortMayHaveBeenApplied(answer text: String) async throws {
        let answer = try await deliver { _, _ in [.send(text), .close] }
        let readings = ["unreadable_answer", "connection_lost"].map {
            "retry \($0) applied=true limited=false after=-"
        }
        #expect(readings.contains(answer), "\(answer)")
    }

    @Test(arguments: [
        [ScriptedServer.Step.hold], [.send("HTTP/1.1 200 OK\r\n"), .hold], [.drip("H")],
        [.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"), .drip(" ")],
        [.send("HTTP/1.1 200 OK\r\nX-Endless: "), .drip("x")],
        [.send("HTTP/1.1 400 Bad\r\nContent-Length: 1000\r\n\r\n"), .drip(" ")],
    ])
    func slowAnswersAreGivenUp(steps: [ScriptedServer.Step]) async throws {
        let answer = try await deliver(whileTooShort: { $0.contains("applied=false") }) { _, _ in steps }
        #expect(answer.hasSuffix("applied=true limited=false after=-"))
        #expect(answer.hasPrefix("retry timeout") || answer.hasPrefix("retry connection_lost"))
    }

    @Test(arguments: [
        (401, "stop api_key_refused"), (403, "stop api_key_forbidden"), (413, "refused batch_too_large"),
        (429, "retry rate_limited applied=false limited=true after=5.0 seconds"),
        (503, "retry server_error applied=true limited=false after=5.0 seconds"),
    ])
    func aStatusThatSaysItAllNeedsNoBody(status: Int, expected: String) async throws {
        let head = "HTTP/1.1 \(status) Word\r\nRetry-After: 5\r\nContent-Length: 1000\r\n\r\n{"
        #expect(try await deliver { _, _ in [.send(head), .close] } == expected)
        #expect(
            try await deliver(whileTooShort: { $0.hasPrefix("retry timeout") }) { _, _ in [.send(head), .hold] }
                == expected)
    }

    @Test func oversizedAnswersAreCutOff() async throws {
        let huge = String(repeating: " ", count: 3 << 20)
        let answer = try await deliver { _, _ in [.send(Answers.json(200, huge))] }
        #expect(answer == "retry answer_too_large applied=true limited=false after=-")
        #expect(try await deliver { _, _ in [.send(Answers.json(500, huge))] }.hasPrefix("retry server_error"))
    }

    @Test func redirectsAreNotFollowed() async throws {
        let other = try ScriptedServer { _, _ in [.send(Answers.bothSucceeded)] }
        for status in [301, 302, 303, 307, 308] {
            let answer = try await deliver { _, _ in
                [.send(Answers.text(status, "", headers: "Location: \(other.baseURL)/\r\n"))]
            }
            #expect(answer == "stop redirected")
        }
        #expect(other.requests.isEmpty)
    }

    @Test func compressedAnswersAreNotUnpacked() async throws {
        let answer = try await deliver { _, _ in
            [.send(Answers.json(200, "\u{1F}garbage", headers: "Content-Encoding: gzip\r\n"))]
        }
        #expect(answer == "retry unreadable_answer applied=true limited=false after=-")
    }

    @Test func aConnectionServesSeveralRequestsAndALostOneIsReplaced() async throws {
        try await Harness.run { _, number in
            number == 1 ? [.reset] : [.send(Answers.bothSucceeded)]
        } _: { harness in
            var answers: [String] = []
            for _ in 0..<4 { answers.append(gist(await harness.client.deliver(Harness.request))) }
            #expect(answers[0] == "answered 200 ok ok")
            #expect(answers[1].hasPrefix("retry connection_lost applied=true"))
            #expect(answers[2...] == ["answered 200 ok ok", "answered 200 ok ok"])
        }
    }

    @Test func aCancelledDeliveryReturns() async throws {
        try await Harness.run { _, _ in
            [.hold]
        } _: { harness in
            let task = Task { await harness.client.deliver(Harness.request) }
            while harness.server.requests.isEmpty { await Task.yield() }
            task.cancel()
            #expect(gist(await task.value) == "retry cancelled applied=true limited=false after=-")
        }
    }

    /// The last look is taken when the connection stands, in the thread that writes to it, and nothing follows it.
    @Test func whatTheLastLookForbidsIsNotSent() async throws {
        try await Harness.run { _, _ in
            [.send(Answers.bothSucceeded)]
        } _: { harness in
            for _ in 0..<2 {
                let looks = Mutex<[String]>([])
                let answer = await harness.client.deliver(Harness.request) {
                    looks.withLock { $0.append(Self.threadName) }
                    return false
                }
                #expect(answer == .withheld)
                #expect(looks.withLock { $0 }.map { $0.hasPrefix("NIO-") } == [true])
            }
            #expect(harness.server.requests.isEmpty)
            // The connection of a request that was withheld is not used again, and the client goes on.
            let answer = await harness.client.deliver(Harness.request) { true }
            #expect(gist(answer) == "answered 200 ok ok")
            #expect(harness.server.requests.count == 1)
        }
    }

    @Test func withoutAConnectionThereIsNoLook() async throws {
        let client = Harness.client(baseURL: "http://127.0.0.1:\(try LoopbackListener.freePort())")
        let looks = Mutex(0)
        let answer = await client.deliver(Harness.request) {
            looks.withLock { $0 += 1 }
            return true
        }
        await client.shutdown()
        #expect(gist(answer).hasPrefix("retry connect_failed applied=false"))
        #expect(looks.withLock { $0 } == 0)
    }

    @Test func theCreationOfAListLooksToo() async throws {
        try await Harness.run { _, _ in
            [.send(Answers.json(200, #"{"listId":7}"#))]
        } _: { harness in
            let error = await #expect(throws: DestinationError.self) {
                try await harness.client.createList(name: "VIP", description: nil) { false }
            }
            #expect(error?.error.code == "withheld" && error?.mayHaveBeenApplied == false)
            #expect(harness.server.requests.isEmpty)
            let list = try await harness.client.createList(name: "VIP", description: nil)
            #expect(list == 7)
        }
    }

    private static var threadName: String {
        (try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)) ?? ""
    }

    @Test func aDeliveryCancelledBeforehandIsNotSent() async throws {
        try await Harness.run { _, _ in
            [.send(Answers.bothSucceeded)]
        } _: { harness in
            let answer = await Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await harness.client.deliver(Harness.request)
            }.value
            #expect(gist(answer).hasPrefix("retry cancelled"))
        }
    }

    @Test(arguments: ["", "key\r\nX-Evil: 1", "key with blank", "ключ", "\u{0}"])
    func malformedKeysStopBeforeAnythingIsSent(key: String) async throws {
        let server = try ScriptedServer { _, _ in [.send(Answers.bothSucceeded)] }
        let client = Harness.client(baseURL: server.baseURL, key: key)
        #expect(gist(await client.deliver(Harness.request)) == "stop api_key_malformed")
        await #expect(throws: DestinationError.self) { try await client.lists() }
        await client.shutdown()
        #expect(server.requests.isEmpty)
    }

    @Test(arguments: ["", "ftp://example.com", "nonsense", "http://", "file:///etc/passwd"])
    func malformedAddressesStop(address: String) async {
        let client = Harness.client(baseURL: address)
        #expect(gist(await client.deliver(Harness.request)) == "stop base_url_invalid")
        await client.shutdown()
    }

    @Test func afterShutdownCallsFail() async throws {
        let server = try ScriptedServer { _, _ in [.send(Answers.bothSucceeded)] }
        let client = Harness.client(baseURL: server.baseURL)
        await client.shutdown()
        await client.shutdown()
        #expect(gist(await client.deliver(Harness.request)) == "retry cancelled applied=false limited=false after=-")
    }
}
