import HTTPTypes
import Testing

@testable import IterableSandbox

/// The webhook in the API and in the options.
@Suite("The webhook's settings") struct WebhookSettingsTests {
    @Test("The API gives the webhook with the members of its description, and changes what is named")
    func api() async throws {
        let receiver = ScriptedReceiver()
        try await withAPI({ $0.post(to: receiver) }) { api in
            let list = api.sandbox.addList(name: "VIP")
            let first: JSONValue = [
                "id": 5190, "endpoint": "http://127.0.0.1:8430/events", "authType": "NoAuth", "enabled": true,
                "blastSendEnabled": true, "triggeredSendEnabled": true, "channelIds": [], "messageTypeIds": [],
            ]
            #expect(try await api(.get, "/api/webhooks").json == ["webhooks": [first]])
            #expect(try await api(.get, "/api/webhooks", key: "wrong").status == 401)
            let changed = try await api(
                .post, "/api/webhooks",
                #"{"id":5190,"endpoint":"https://hooks.shop.com/a","authType":"OAuth2","authToken":"t","#
                    + #""blastSendEnabled":false}"#)
            #expect(changed["endpoint"] == "https://hooks.shop.com/a" && changed["authType"] == "OAuth2")
            #expect(changed["blastSendEnabled"] == false && changed["enabled"] == true && changed["authToken"] == nil)
            _ = try await api.subscribe(list, #"{"email":"a@shop.com"}"#)
            #expect(api.sandbox.webhookEventCount == 0, "blast sends are off")
            _ = try await api(.post, "/api/events/track", #"{"email":"a@shop.com","eventName":"order"}"#)
            #expect(await api.sandbox.isQuiet())
            #expect(receiver.requests.first?.url == "https://hooks.shop.com/a")
            #expect(receiver.requests.first?.headers.last?.value == "OAuth2 t")
            let count = api.sandbox.webhookEventCount
            let off = #"{"id":5190,"enabled":false,"blastSendEnabled":true,"authType":"NoAuth"}"#
            #expect(try await api(.post, "/api/webhooks", off)["authType"] == "NoAuth")
            _ = try await api.unsubscribe(list, #"{"email":"a@shop.com"}"#)
            _ = try await api.subscribe(list, #"{"email":"a@shop.com"}"#)
            #expect(api.sandbox.webhookEventCount == count, "it is not enabled")
            _ = try await api(.post, "/sandbox/reset", key: nil)
            #expect(try await api(.get, "/api/webhooks").json == ["webhooks": [first]])
        }
    }

    @Test(
        "What a webhook cannot be is refused",
        arguments: [
            #"{"id":1}"#, #"{"enabled":true}"#, #"{"id":5190,"authType":"Digest"}"#, #"{"id":5190,"authType":"Basic"}"#,
            #"{"id":5190,"endpoint":"http://hooks.shop.com/a"}"#, #"{"id":5190,"authToken":"a\r\nb"}"#,
            #"{"id":5190,"enabled":"yes"}"#,
        ])
    func refused(_ body: String) async throws {
        try await withAPI({ $0.post(to: ScriptedReceiver()) }) { api in
            let before = try await api(.get, "/api/webhooks").json
            #expect(try await api(.post, "/api/webhooks", body).status == 400)
            #expect(try await api(.get, "/api/webhooks").json == before)
        }
    }

    @Test(
        "Addresses",
        arguments: [
            ("http://127.0.0.1:8430/webhooks", true), ("http://localhost/x", true),
            ("http://[::1]:1/", true), ("http://127.8.0.1", true), ("https://hooks.shop.com/a?key=1", true),
            ("http://hooks.shop.com/a", false), ("http://127.0.0.1.shop.com", false), ("http://0127.0.0.1/", false),
            ("ftp://127.0.0.1/", false), ("127.0.0.1:8430", false), ("", false), ("https:///a", false),
            ("https://user:secret@shop.com/", false), ("https://shop.com/#a", false), ("https://shop.com/a b", false),
            ("https://shop.com/\r\nX: y", false),
        ])
    func addresses(_ address: String, _ isTaken: Bool) throws {
        let webhook = SandboxWebhook(url: address) { _ in 204 }
        #expect((webhook.problem == nil) == isTaken, "\(webhook.problem ?? "")")
        #expect(webhook.problem?.contains("secret") != true)
        var options = SandboxOptions()
        options.webhook = webhook
        if isTaken {
            #expect(throws: Never.self) { try Sandbox(options: options) }
        } else {
            #expect(throws: SandboxError.self) { try Sandbox(options: options) }
        }
    }

    @Test("Tokens, bounds, and faults that have no webhook to act on")
    func options() throws {
        var options = SandboxOptions()
        options.faults = [Fault(.drop)]
        let error = #expect(throws: SandboxError.self) { try Sandbox(options: options) }
        #expect(error?.description.contains("drop") == true)
        options.post(to: ScriptedReceiver())
        #expect(throws: Never.self) { try Sandbox(options: options) }
        for token in ["", " t", "t ", "t\n", "t\u{E9}", String(repeating: "t", count: 2001)] {
            options.webhook?.token = token
            #expect(throws: SandboxError.self, "\(token.debugDescription)") { try Sandbox(options: options) }
        }
        options.webhook?.token = "project key:iterable key"
        #expect(throws: Never.self) { try Sandbox(options: options) }
        options.webhook?.concurrentRequests = 0
        #expect(throws: SandboxError.self) { try Sandbox(options: options) }
    }

    @Test("An address that cannot be one is refused where it is set from within")
    func setWebhook() throws {
        var options = SandboxOptions()
        options.post(to: ScriptedReceiver())
        let sandbox = try Sandbox(options: options)
        #expect(throws: SandboxError.self) { try sandbox.setWebhook(url: "http://shop.com/") }
        try sandbox.setWebhook(url: "http://127.0.0.1:9/x")
        #expect(sandbox.core.with { $0.webhooks.settings?.endpoint } == "http://127.0.0.1:9/x")
    }
}
