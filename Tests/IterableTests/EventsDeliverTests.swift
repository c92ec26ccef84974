import Foundation
import Iterable
import IterableProtocol
import RollcallCore
import Testing

/// `POST /api/events/trackBulk` and `POST /api/events/track`, on the wire.
@Suite struct EventsDeliverTests {
    private static let objects = [
        #"{"id":"rc-1","email":"anna@example.com","eventName":"order","createdAt":1795000000,"createNewFields":true}"#,
        #"{"id":"rc-2","userId":"u-2","eventName":"visit","dataFields":{"note":"é \"x\""},"createNewFields":true}"#,
    ]

    private static let events = [
        EventsRequest.Event(
            identity: Identity(email: "anna@example.com", userID: nil), name: "order", id: "rc-1",
            object: Array(objects[0].utf8)),
        EventsRequest.Event(
            identity: Identity(email: nil, userID: "u-2"), name: "visit", id: "rc-2", object: Array(objects[1].utf8)),
    ]

    private static let bulk = DeliveryRequest.events(EventsRequest(events: events))
    private static let single = DeliveryRequest.event(events[1])
    private static let tracked = Answers.json(
        200, #"{"msg":"Event with id: rc-2 tracked.","code":"Success","params":{"id":"rc-2"}}"#)

    @Test func theRequestsAreWhatIterableAsksFor() async throws {
        let requests = try await Harness.run { request, _ in
            [.send(request.line.contains("trackBulk") ? Answers.bothSucceeded : Self.tracked)]
        } _: { harness in
            #expect(gist(await harness.client.deliver(Self.bulk)) == "answered 200 ok ok")
            #expect(gist(await harness.client.deliver(Self.single)) == "answered 200 ok")
            return harness.server.requests
        }
        #expect(
            requests.map(\.line) == ["POST /api/events/trackBulk HTTP/1.1", "POST /api/events/track HTTP/1.1"])
        #expect(
            requests.map(\.body) == ["{\"events\":[\(Self.objects.joined(separator: ","))]}", Self.objects[1]])
        for request in requests {
            #expect(request.headers["api-key"] == Harness.key)
            #expect(request.headers["content-type"] == "application/json; charset=utf-8")
            #expect(request.headers["content-length"] == "\(request.body.utf8.count)")
        }
    }

    @Test(arguments: [
        (200, #"{"successCount":2,"failCount":0,"disallowedEventNames":[]}"#, "answered 200 ok ok"),
        (200, #"{"successCount":2,"failCount":0,"disallowedEventNames":["visit"]}"#, "answered 200 ok no"),
        (200, #"{"successCount":1,"failCount":1,"disallowedEventNames":["visit"]}"#, "answered 200 ok no"),
        (200, #"{"successCount":1,"failCount":1,"failedUpdates":{"notFoundUserIds":["u-2"]}}"#, "answered 200 ok no"),
        (200, #"{"successCount":1,"failCount":1,"invalidEmails":["Anna@example.com"]}"#, "answered 200 no ok"),
        (200, #"{"successCount":1,"failCount":1}"#, "ambiguous counts_mismatch"),
        (200, "{}", "retry unreadable_answer applied=true limited=false after=-"),
        (400, #"{"msg":"no","code":"RequestFieldsTypesMismatched","params":null}"#, "refused type_mismatch"),
        (400, #"{"msg":"no","code":"UniqueFieldsLimitExceeded","params":null}"#, "stop fields_limit"),
        (404, #"{"msg":"no","code":"NotFound","params":null}"#, "stop route_not_found"),
        (413, "too large", "refused batch_too_large"), (401, "{}", "stop api_key_refused"),
        (429, "slow down", "retry rate_limited applied=false limited=true after=-"),
        (500, "oops", "retry server_error applied=true limited=false after=-"),
    ])
    func answersToBulk(_ status: Int, _ body: String, _ expected: String) async throws {
        try await Harness.run { _, _ in
            [.send(Answers.json(status, body))]
        } _: { harness in
            #expect(gist(await harness.client.deliver(Self.bulk)) == expected)
        }
    }

    @Test(arguments: [
        (200, #"{"msg":"","code":"Success","params":null}"#, "answered 200 ok"),
        (200, #"{"msg":"Event visit is disallowed from tracking","code":"Success"}"#, "answered 200 no"),
        (200, "{}", "retry unreadable_answer applied=true limited=false after=-"),
        (400, #"{"msg":"no","code":"UnknownUserIdError","params":null}"#, "answered 400 no"),
        (400, #"{"msg":"no","code":"RequestFieldsTypesMismatched","params":null}"#, "answered 400 no"),
        (409, #"{"msg":"no","code":"ForgottenUserError","params":null}"#, "answered 409 no"),
        (400, #"{"msg":"no","code":"BadJsonBody","params":null}"#, "refused invalid_json"),
        (429, "slow down", "retry rate_limited applied=false limited=true after=-"),
    ])
    func answersToASingleCall(_ status: Int, _ body: String, _ expected: String) async throws {
        try await Harness.run { _, _ in
            [.send(Answers.json(status, body))]
        } _: { harness in
            #expect(gist(await harness.client.deliver(Self.single)) == expected)
        }
    }

    /// An answer may name every event, however long its name is.
    @Test func longNamesFitTheAnswer() async throws {
        let name = String(repeating: "n", count: 40_000)
        let events = (0..<50).map { number in
            EventsRequest.Event(
                identity: Identity(email: nil, userID: "u-2"), name: "\(name)\(number)", id: "rc-\(number)",
                object: Array("{}".utf8))
        }
        let names = events.map { "\"\($0.name)\"" }.joined(separator: ",")
        let body = #"{"successCount":50,"failCount":0,"disallowedEventNames":[\#(names)]}"#
        try await Harness.run { _, _ in
            [.send(Answers.json(200, body))]
        } _: { harness in
            let answer = gist(await harness.client.deliver(.events(EventsRequest(events: events))))
            #expect(answer == "answered 200 " + Array(repeating: "no", count: 50).joined(separator: " "))
        }
    }

    @Test func whatTheLastLookForbidsIsNotSent() async throws {
        try await Harness.run { _, _ in
            [.send(Answers.bothSucceeded)]
        } _: { harness in
            for request in [Self.bulk, Self.single] {
                let answer = await harness.client.deliver(request) { false }
                #expect(answer == .withheld)
            }
            #expect(harness.server.requests.isEmpty)
            #expect(gist(await harness.client.deliver(Self.bulk) { true }) == "answered 200 ok ok")
        }
    }
}
