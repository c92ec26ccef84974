import Foundation
import Iterable
import RollcallCore
import Testing

/// `GET /api/webhooks`.
@Suite struct WebhooksCallTests {
    private func call(
        _ status: Int, _ body: String
    ) async throws -> (Result<[RemoteWebhook], DestinationError>, [ScriptedServer.Request]) {
        try await Harness.run { _, _ in
            [.send(Answers.json(status, body))]
        } _: { harness in
            let result: Result<[RemoteWebhook], DestinationError>
            do throws(DestinationError) {
                result = .success(try await harness.client.webhooks())
            } catch {
                result = .failure(error)
            }
            return (result, harness.server.requests)
        }
    }

    @Test func everyWebhookComes() async throws {
        let (result, requests) = try await call(
            200,
            #"""
            {"webhooks":[
              {"id":7,"endpoint":"https://in.example.com/hooks/a?x=1","authType":"Basic","enabled":true,
               "blastSendEnabled":true,"triggeredSendEnabled":false,"channelIds":[{}],"messageTypeIds":[],"later":1},
              {"id":8,"endpoint":"","authType":"NoAuth","enabled":false,"blastSendEnabled":false,
               "triggeredSendEnabled":false}]}
            """#)
        #expect(
            try result.get() == [
                RemoteWebhook(
                    id: 7, endpoint: "https://in.example.com/hooks/a?x=1", authType: "Basic", isEnabled: true,
                    triggeredSends: false),
                RemoteWebhook(
                    id: 8, endpoint: "", authType: "NoAuth", isEnabled: false, blastSends: false, triggeredSends: false),
            ])
        #expect(requests.map(\.line) == ["GET /api/webhooks HTTP/1.1"])
    }

    @Test(arguments: [#"{"webhooks":1}"#, "{}", "<html>", #"{"webhooks":[{"id":7}]}"#])
    func whatCannotBeReadIsAnError(_ body: String) async throws {
        let (result, _) = try await call(200, body)
        #expect(throws: DestinationError.self) { try result.get() }
    }

    @Test func aRefusedKeyIsAnError() async throws {
        let (result, _) = try await call(401, #"{"msg":"Invalid API key","code":"BadApiKey","params":null}"#)
        #expect(throws: DestinationError.self) { try result.get() }
    }

    @Test(arguments: [
        ("https://a.example.com/hooks/a", "/hooks/a"), ("https://a.example.com/hooks/a?x=/b#/c", "/hooks/a"),
        ("https://a.example.com", "/"), ("a.example.com/b", "/b"), ("https://{{host}}/x/{{y}}/a", "/x/{{y}}/a"),
        ("", "/"),
    ])
    func thePathOfAnEndpoint(_ endpoint: String, _ path: String) {
        #expect(RemoteWebhook(id: 1, endpoint: endpoint, authType: "Basic", isEnabled: true).path == path)
    }
}
