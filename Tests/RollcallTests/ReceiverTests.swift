import Foundation
import TestSupport
import Testing

/// Receivers from end to end: `rollcall serve` as a process, posts over HTTP, a real database.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ReceiverTests {
    @Test(arguments: Shop.Kind.allCases) func whatIsPostedIsStoredOnceAndCounted(_ kind: Shop.Kind) async throws {
        try await ReceiverScene.with(kind) { scene in
            let receiver = try await scene.serving("--log-format", "json")
            for message in ["a", "b", "a", "c", "a"] {
                #expect(await receiver.post(ReceiverScene.body(message)) == 204)
            }
            #expect(await receiver.post(#"["no object"]"#) == 400)
            #expect(await receiver.post(ReceiverScene.body("d"), token: nil) == 401)
            #expect(await receiver.post(ReceiverScene.body("d"), token: "wrong") == 401)
            // What stands in an address stands in the logs of every proxy on the way.
            let token = try #require(ReceiverScene.token.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
            let withToken = receiver.url + "?token=" + token
            let inTheAddress = try await receiver.answer(ReceiverScene.body("d"), token: nil, to: withToken)
            #expect(inTheAddress.status == 401)
            #expect(await receiver.post(ReceiverScene.body("d"), to: receiver.url + "/other") == 404)
            #expect(await receiver.post(ReceiverScene.body("d"), test: true) == 204)
            let get = try await receiver.answer("", method: "GET")
            #expect(get.status == 405 && get.headers["allow"] == "POST")
            let base = receiver.url.replacing(ReceiverScene.path, with: "")
            #expect(try await receiver.answer("", token: nil, to: base + "/healthz", method: "GET").status == 200)
            #expect(try await receiver.answer("", token: nil, to: base + "/", method: "GET").status == 404)

            #expect(try await scene.deliveries() == ["a": 3, "b": 1, "c": 1], "durable before the answer")
            let end = try await receiver.end()
            #expect(end.code == 0 && end.stdout.isEmpty, "\(end.all)")
            let counts = try await scene.counts()
            #expect(counts == ["stored": 3, "repeated": 2, "rejected": 1, "unauthorized": 3, "test": 1], "\(counts)")
            try await columnsAreFilled(scene)
            for line in end.err.split(separator: "\n") {
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                #expect(object?["time"] is String && object?["event"] is String, "\(line)")
            }
            Disguises.expectNone(of: [ReceiverScene.token], in: end.stderr, "the log")
            Disguises.expectNone(of: [ReceiverScene.token], under: scene.spool)
        }
    }

    private func columnsAreFilled(_ scene: ReceiverScene) async throws {
        let shop = scene.shop
        let rows = try await shop.query(
            """
            SELECT receiver, destination, event_name, email, user_id, campaign_id, url, message_id
              FROM \(shop.state("iterable_events")) WHERE message_id = 'b'
            """)
        #expect(
            rows == [
                ["engagement", "iterable", "emailClick", "ann@example.com", "u-1", "7", "https://example.com/a", "b"]
            ])
        let rejects = try await shop.query("SELECT receiver, body FROM \(shop.state("iterable_rejects"))")
        #expect(rejects == [["engagement", #"["no object"]"#]])
    }

    @Test func receiversAreListed() async throws {
        try await ReceiverScene.with(.sqlite) { scene in
            let before = try await scene.rollcall("receivers")
            #expect(before.code == 0 && before.out.contains("nothing"), "\(before.all)")
            let receiver = try await scene.serving()
            for message in ["a", "a"] { #expect(await receiver.post(ReceiverScene.body(message)) == 204) }
            _ = try await receiver.end()
            let shown = try await scene.rollcall("receivers", "--format", "json")
            let entry = try #require(try (shown.json() as? [[String: Any]])?.first, "\(shown.all)")
            #expect(entry["receiver"] as? String == "engagement" && entry["path"] as? String == ReceiverScene.path)
            #expect(entry["warehouse"] as? String == "shop" && entry["latest_event_at"] is String)
            // Midnight may pass in between.
            #expect([0, 1].contains(entry["stored"] as? Int), "\(entry)")
            #expect(entry["error"] is NSNull)
            let table = try await scene.rollcall("receivers")
            #expect(table.out.contains("engagement") && table.out.contains(ReceiverScene.path), "\(table.all)")
        }
    }

    @Test func aWarehouseThatCannotBeReadIsSaidInTheListing() async throws {
        try await ReceiverScene.with(.sqlite) { scene in
            try scene.shop.configure {
                $0.further = """
                    receivers:
                      lost: { type: iterable, path: /lost, warehouse: away, auth: { basic: ["${WEBHOOK_TOKEN}"] } }
                    """
                $0.warehouse += "\n  away: { type: sqlite, path: \"/nowhere/at/all.sqlite\" }"
            }
            let shown = try await scene.rollcall("receivers", "show", "--format", "json")
            #expect(shown.code == 1, "\(shown.all)")
            let entry = try #require(try (shown.json() as? [[String: Any]])?.first)
            #expect(entry["error"] is String && entry["stored"] is NSNull, "\(entry)")
        }
    }

    // MARK: receivers test

    @Test(arguments: Shop.Kind.allCases) func theTestPostsEverythingAndLeavesNothing(_ kind: Shop.Kind) async throws {
        try await ReceiverScene.with(kind) { scene in
            let receiver = try await scene.serving()
            let test = try await scene.rollcall("receivers", "test", "engagement", "--url", receiver.url)
            #expect(test.code == 0 && test.stderr.isEmpty, "\(test.all)")
            for words in [
                "token 1, as typed", "in base64", "OAuth2", "a wrong token", "no JSON", "all is well", "adds 2 to",
            ] {
                #expect(test.out.contains(words), "\(words): \(test.out)")
            }
            for line in test.out.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
            let json = try await scene.rollcall("receivers", "test", "engagement", "--url", receiver.url, "--json")
            #expect(try json.object()["ok"] as? Bool == true, "\(json.all)")
            let requests = try #require(try json.object()["requests"] as? [[String: Any]])
            #expect(requests.count == 7 && requests.allSatisfy { $0["ok"] as? Bool == true })
            #expect((requests[0]["sent"] as? Int).map { $0 > 30 } == true, "\(requests[0])")
            let end = try await receiver.end()
            for output in [test, json, end] {
                Disguises.expectNone(of: [ReceiverScene.token], in: output.stdout + output.stderr, "an output")
            }
            #expect(try await scene.deliveries().isEmpty)
            #expect(try await scene.shop.query("SELECT 1 FROM \(scene.shop.state("iterable_rejects"))").isEmpty)
            let counts = try await scene.counts()
            #expect(counts["stored"] == nil && counts["rejected"] == nil && counts["test"] != nil, "\(counts)")
        }
    }

    @Test func aTestThatFailsSaysWhat() async throws {
        try await ReceiverScene.with(.sqlite) { scene in
            let receiver = try await scene.serving()
            let environment = scene.environment.merging(["WEBHOOK_TOKEN": "another-token-5521"]) { $1 }
            func test(_ url: String) async throws -> Output {
                try await Program.run(
                    ["receivers", "test", "engagement", "--url", url], in: scene.shop.folder, environment: environment)
            }
            let other = receiver.url.replacing(ReceiverScene.path, with: "/elsewhere")
            for (url, status) in [(receiver.url, "401"), (other, "404")] {
                let output = try await test(url)
                #expect(
                    output.code == 1 && output.out.contains(status) && output.out.contains("not all"), "\(output.all)")
                Disguises.expectNone(of: ["another-token-5521"], in: output.stdout + output.stderr, "the output")
            }
            _ = try await receiver.end()
            let unanswered = try await test(receiver.url)
            #expect(unanswered.code == 1 && unanswered.err.contains("rollcall serve"), "\(unanswered.all)")
        }
    }

    @Test(arguments: [
        (["none"], "none"), (["engagement"], "--url"), (["engagement", "--url", "ftp://x"], "no address"),
        (["engagement", "--url", "http://a:b@127.0.0.1/"], "no address"),
    ])
    func wrongUsageOfTheTestIsSaid(_ arguments: [String], _ words: String) async throws {
        try await ReceiverScene.with(.sqlite) { scene in
            let test = try await Program.run(
                ["receivers", "test"] + arguments, in: scene.shop.folder, environment: scene.environment)
            #expect(test.code == 2 && test.err.contains(words), "\(test.all)")
        }
    }

    /// A server that says back what it was sent.
    @Test func noTokenIsRepeatedFromAnAnswer() async throws {
        let body = #"{"error":{"message":"you sent {request}"}}"#
        let server = try OneAnswerServer(status: "500 Internal Server Error", type: "application/json", body: body)
        defer { server.stop() }
        try await ReceiverScene.with(.sqlite) { scene in
            for format in [[], ["--json"]] {
                let test = try await Program.run(
                    ["receivers", "test", "engagement", "--url", server.baseURL] + format, in: scene.shop.folder,
                    environment: scene.environment)
                #expect(test.code == 1, "\(test.all)")
                Disguises.expectNone(of: [ReceiverScene.token], in: test.stdout + test.stderr, "the output")
            }
        }
    }

    // MARK: serve

    @Test func aReloadChangesTokens() async throws {
        try await ReceiverScene.with(.sqlite) { scene in
            let receiver = try await scene.serving()
            #expect(await receiver.post(ReceiverScene.body("a")) == 204)
            try scene.configure(token: "another-token-5521")
            #expect(
                try await eventually {
                    await receiver.post(ReceiverScene.body("b"), token: "another-token-5521") == 204
                })
            #expect(await receiver.post(ReceiverScene.body("c")) == 401, "the old one is taken no more")
            // A configuration that is wrong changes nothing.
            try scene.configure(token: "")
            #expect(try await eventually { receiver.program.errorsSoFar.contains("is refused") })
            #expect(await receiver.post(ReceiverScene.body("d"), token: "another-token-5521") == 204)
            let end = try await receiver.end()
            #expect(end.code == 0, "\(end.all)")
            #expect(Set(try await scene.deliveries().keys) == ["a", "b", "d"])
        }
    }

    @Test func aFileWithReceiversAloneIsServed() async throws {
        try await ReceiverScene.with(.sqlite) { scene in
            let path = try #require(scene.shop.fixture as? SQLiteFixture).path
            let text = """
                warehouses:
                  shop: { type: sqlite, path: "\(path)" }
                receivers:
                  engagement:
                    { type: iterable, path: \(ReceiverScene.path), warehouse: shop, auth: { basic: ["${WEBHOOK_TOKEN}"] } }
                server: { receiver_listen: "127.0.0.1:0", receiver_spool: off }
                """
            try Data(text.utf8).write(to: scene.shop.folder.appendingPathComponent("rollcall.yaml"))
            let receiver = try await scene.serving()
            #expect(await receiver.post(ReceiverScene.body("a")) == 204)
            let check = try await scene.rollcall("check")
            #expect(check.code == 0 && check.out.contains("receiver engagement, auth"), "\(check.all)")
            #expect(try await receiver.end().code == 0)
            #expect(try await scene.deliveries() == ["a": 1])
        }
    }

    @Test func aPortThatIsTakenEndsTheProcess() async throws {
        try await ReceiverScene.with(.sqlite) { scene in
            let server = try OneAnswerServer(status: "200 OK", type: "text/plain", body: "")
            defer { server.stop() }
            try scene.shop.configure {
                $0.further = """
                    receivers:
                      engagement:
                        { type: iterable, path: /e, warehouse: shop, auth: { basic: ["${WEBHOOK_TOKEN}"] } }
                    server:
                      receiver_listen: 127.0.0.1:\(server.port)
                      receiver_spool: off
                    """
            }
            let end = try await scene.rollcall("serve", "--listen", "127.0.0.1:0")
            #expect(end.code == 1 && end.err.contains("in use"), "\(end.all)")
        }
    }
}
