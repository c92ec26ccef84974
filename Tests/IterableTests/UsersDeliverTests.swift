import Foundation
import Iterable
import IterableProtocol
import RollcallCore
import TestSupport
import Testing

/// `POST /api/users/bulkUpdate`, on the wire.
@Suite struct UsersDeliverTests {
    private static let objects = [
        #"{"email":"anna@example.com","userId":"u-1","dataFields":{"plan":"free"},"mergeNestedObjects":false}"#,
        #"{"email":"ben@example.com","dataFields":{"note":"é \"x\""},"mergeNestedObjects":false}"#,
    ]

    private static func request(
        _ operation: RollcallCore.Operation = .update, createsNewFields: Bool = false
    ) -> DeliveryRequest {
        let identities = [
            Identity(email: "anna@example.com", userID: "u-1"), Identity(email: "ben@example.com", userID: nil),
        ]
        return .users(
            UsersRequest(
                operation, people: zip(identities, objects).map { .init(identity: $0, object: Array($1.utf8)) },
                createsNewFields: createsNewFields))
    }

    @Test func theRequestIsWhatIterableAsksFor() async throws {
        let requests = try await Harness.run { _, _ in
            [.send(Answers.bothSucceeded)]
        } _: { harness in
            #expect(gist(await harness.client.deliver(Self.request())) == "answered 200 ok ok")
            #expect(gist(await harness.client.deliver(Self.request(createsNewFields: true))) == "answered 200 ok ok")
            #expect(gist(await harness.client.deliver(Self.request(.clear))) == "answered 200 ok ok")
            return harness.server.requests
        }
        #expect(requests.map(\.line) == Array(repeating: "POST /api/users/bulkUpdate HTTP/1.1", count: 3))
        let people = Self.objects.joined(separator: ",")
        #expect(
            requests.map(\.body) == [
                "{\"users\":[\(people)],\"createNewFields\":false}", "{\"users\":[\(people)],\"createNewFields\":true}",
                "{\"users\":[\(people)],\"createNewFields\":false}",
            ])
        #expect(requests[0].headers["api-key"] == Harness.key)
        #expect(requests[0].headers["content-type"] == "application/json; charset=utf-8")
        #expect(requests[0].headers["content-length"] == "\(requests[0].body.utf8.count)")
    }

    @Test(arguments: [
        (200, #"{"successCount":2,"failCount":0,"noOpEmails":["ben@example.com"]}"#, "answered 200 ok ok"),
        (
            200, #"{"successCount":1,"failCount":1,"failedUpdates":{"forgottenUserIds":["u-1"]}}"#,
            "answered 200 no ok"
        ),
        (200, #"{"successCount":1,"failCount":1}"#, "ambiguous counts_mismatch"),
        (200, "{}", "retry unreadable_answer applied=true limited=false after=-"),
        (400, #"{"msg":"no","code":"RequestFieldsTypesMismatched","params":null}"#, "refused type_mismatch"),
        (400, #"{"msg":"no","code":"UniqueFieldsLimitExceeded","params":null}"#, "stop fields_limit"),
        (404, #"{"msg":"no","code":"NotFound","params":null}"#, "stop route_not_found"),
        (413, "too large", "refused batch_too_large"), (401, "{}", "stop api_key_refused"),
        (429, "slow down", "retry rate_limited applied=false limited=true after=-"),
        (500, "oops", "retry server_error applied=true limited=false after=-"),
    ])
    func answers(_ status: Int, _ body: String, _ expected: String) async throws {
        try await Harness.run { _, _ in
            [.send(Answers.json(status, body))]
        } _: { harness in
            #expect(gist(await harness.client.deliver(Self.request())) == expected)
        }
    }

    @Test func whatTheLastLookForbidsIsNotSent() async throws {
        try await Harness.run { _, _ in
            [.send(Answers.bothSucceeded)]
        } _: { harness in
            let answer = await harness.client.deliver(Self.request()) { false }
            #expect(answer == .withheld && harness.server.requests.isEmpty)
            #expect(gist(await harness.client.deliver(Self.request()) { true }) == "answered 200 ok ok")
        }
    }

    /// A request without a body may have been carried out as soon as there was a connection.
    @Test(arguments: [ScriptedServer.Step.close, .reset, .hold])
    func aDeletionWithoutAnAnswerMayHaveBeenCarriedOut(_ step: ScriptedServer.Step) async throws {
        try await Harness.run(timeout: 5) { _, _ in
            [step]
        } _: { harness in
            let answer = await harness.client.deliver(.userDeletion(.email("anna@example.com")))
            #expect(harness.server.requests.map(\.line) == ["DELETE /api/users/anna%40example%2Ecom HTTP/1.1"])
            guard case .retry(_, _, mayHaveBeenApplied: true, _) = answer else {
                Issue.record("\(step): \(answer)")
                return
            }
        }
    }

    @Test func aDeletionThatFoundNoListenerWasNotCarriedOut() async throws {
        let closed = try LoopbackListener()
        let port = closed.port
        closed.stop()
        let client = Harness.client(baseURL: "http://127.0.0.1:\(port)")
        let answer = await client.deliver(.userDeletion(.email("anna@example.com"))) { true }
        await client.shutdown()
        guard case .retry(let reason, _, mayHaveBeenApplied: false, _) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(reason.code == "connect_failed")
    }

    /// So does one that makes a catalog.
    @Test func aCatalogMayHaveBeenMadeThoughNoAnswerCame() async throws {
        try await Harness.run { _, _ in
            [.close]
        } _: { harness in
            do throws(DestinationError) {
                try await harness.client.createCatalog("shop")
                Issue.record("It has an answer.")
            } catch {
                #expect(error.mayHaveBeenApplied)
            }
        }
    }
}
