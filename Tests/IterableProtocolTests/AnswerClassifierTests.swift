import Foundation
import Testing

@testable import IterableProtocol
@testable import RollcallCore

@Suite struct AnswerClassifierTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var status: Int
        var body: String
        var gist: Gist

        init(_ status: Int, _ body: String, _ gist: Gist) {
            self.status = status
            self.body = body
            self.gist = gist
        }

        var testDescription: String { "\(status) \(body.prefix(60))" }
    }

    /// Of writes that succeed as a whole.
    @Test func anotherCodeIsNoSuccess() {
        let requests: [DeliveryRequest] = [
            .userRename(UserRename(email: "a@example.com", newEmail: "b@example.com")),
            .catalog(
                CatalogRequest(catalog: "c", operation: .put, items: [.init(id: "a", document: Array("{}".utf8))])),
        ]
        for request in requests {
            for (body, expected) in [
                ("{}", Gist.answered(["ok"])), (Samples.envelope("Success"), .answered(["ok"])),
                (Samples.envelope("GenericError"), Self.unreadable), (#"{"code":7}"#, Self.unreadable),
                ("[]", Self.unreadable),
            ] {
                #expect(
                    Gist(AnswerClassifier.classify(Samples.answer(200, body), request: request)) == expected, "\(body)")
            }
        }
    }

    static let html = "\n<!DOCTYPE html><html><body>Not Found</body></html>"
    static let unreadable = Gist.retry("unreadable_answer", mayHaveBeenApplied: true)
    static let broken = Gist.retry("server_error", mayHaveBeenApplied: true)

    @Test(arguments: [
        // Recorded by public clients of Iterable.
        Row(200, #"{"successCount":2,"failCount":0,"invalidEmails":[]}"#, .answered(["ok", "ok"])),
        Row(
            200, #"{"successCount":2,"failCount":0,"invalidEmails":[],"invalidUserIds":[]}"#,
            .answered(["ok", "ok"])),
        Row(
            200,
            """
            {"successCount":1,"failCount":1,"invalidEmails":["anna@example.com"],"invalidUserIds":[],
             "filteredOutFields":[],"createdFields":[],"noOpEmails":[],"noOpUserIds":[],
             "failedUpdates":{"invalidEmails":["anna@example.com"],"invalidUserIds":[],
               "notFoundEmails":[],"notFoundUserIds":[],"invalidDataEmails":[],"invalidDataUserIds":[],
               "conflictEmails":[],"conflictUserIds":[],"forgottenEmails":[],"forgottenUserIds":[]}}
            """, .answered(["rejected invalid_email", "ok"])),
        Row(
            400,
            """
            {"msg":"error.lists.invalidListId(42)","code":"Success","params":{"projectId":9079,"listId":42}}
            """, .listNotFound),
        Row(
            400,
            """
            {"msg":"[/api/lists/subscribe] Invalid JSON body","code":"BadJsonBody",
             "params":{"obj.subscribers[1].preferUserId":"Boolean value expected"}}
            """, .refused("invalid_json")),
        Row(
            400,
            """
            {"msg":"Project 10216: The request does not have the same data types as the data previously submitted.",
             "code":"RequestFieldsTypesMismatched","params":{"validationErrors":{"signupDate":{"incomingTypes":
             ["string","keyword"],"expectedType":"date","_type":"UnexpectedType","offendingValue":"GGG"}}}}
            """, .refused("type_mismatch")),
        Row(
            401, #"{"msg":"Invalid API key","code":"BadApiKey","params":{"ip":"1.2.3.4","endpoint":"/x"}}"#,
            .stop("api_key_refused")),
        Row(
            401, #"{"msg":"Disabled API key or insufficient privileges","code":"Success","params":null}"#,
            .stop("api_key_refused")),
        Row(
            429,
            """
            {"msg":"Exceeded rate limit of 4.0 per minute for endpoint: /api/x, project: 2158 ",
             "code":"RateLimitExceeded","params":{}}
            """, .rateLimited),
        Row(429, "Rate limit exceeded. Please try again later.", .rateLimited),
        Row(500, #"{"msg":"Please try again later","code":"GenericError","params":null}"#, broken),
    ])
    func recordedAnswers(row: Row) {
        let answer = AnswerClassifier.classify(Samples.answer(row.status, row.body), request: Samples.request())
        #expect(Gist(answer) == row.gist)
    }

    @Test(arguments: [
        Row(200, "", unreadable), Row(200, html, unreadable), Row(204, "", unreadable), Row(200, "[]", unreadable),
        Row(200, "null", unreadable), Row(200, "{}", unreadable), Row(200, "true", unreadable),
        Row(200, #"{"successCount":2}"#, unreadable), Row(200, #"{"failCount":0}"#, unreadable),
        Row(200, #"{"successCount":2,"failCount":"0"}"#, unreadable),
        Row(200, #"{"successCount":"2","failCount":0}"#, unreadable),
        Row(200, #"{"successCount":true,"failCount":false}"#, unreadable),
        Row(200, #"{"successCount":2,"failCount":null}"#, unreadable),
        Row(200, #"{"successCount":-2,"failCount":0}"#, unreadable),
        Row(200, #"{"successCount":2,"failCount":-1}"#, unreadable),
        Row(200, #"{"successCount":1.5,"failCount":0.5}"#, unreadable),
        Row(200, #"{"successCount":99999999999999999999,"failCount":0}"#, unreadable),
        Row(200, #"{"successCount":9223372036854775807,"failCount":9223372036854775807}"#, unreadable),
        Row(200, #"{"successCount":1e400,"failCount":0}"#, unreadable),
        Row(200, #"{"successCount":2,"failCount":0"#, unreadable),
        Row(200, #"{"successCount":2,"failCount":0}trailing"#, unreadable),
        Row(200, #"{"successCount":2,"failCount":0,"invalidEmails":"anna@example.com"}"#, unreadable),
        Row(200, #"{"successCount":2,"failCount":0,"invalidEmails":[1]}"#, unreadable),
        Row(200, #"{"successCount":2,"failCount":0,"invalidEmails":{"a":1}}"#, unreadable),
        Row(200, #"{"successCount":2,"failCount":0,"failedUpdates":[]}"#, unreadable),
        Row(200, #"{"successCount":2,"failCount":0,"failedUpdates":"x"}"#, unreadable),
        Row(200, #"{"successCount":2,"failCount":0,"failedUpdates":{"forgottenUserIds":[null]}}"#, unreadable),
        Row(200, String(repeating: "[", count: 100_000), unreadable),
        Row(200, #"{"a":"# + String(repeating: "{\"a\":", count: 100_000), unreadable),
        Row(200, #"{"msg":"","code":"Success","params":null}"#, unreadable),
        Row(200, #"{"successCount":2,"failCount":0,"failedUpdates":null}"#, .answered(["ok", "ok"])),
        Row(200, #"{"successCount":2,"failCount":0,"invalidEmails":null}"#, .answered(["ok", "ok"])),
        Row(202, #"{"successCount":2,"failCount":0}"#, .answered(["ok", "ok"])),
        Row(200, "\u{FEFF}" + #"{"successCount":2,"failCount":0}"#, .answered(["ok", "ok"])),
        Row(200, #"{"failCount":0,"failCount":0,"successCount":2,"successCount":2}"#, unreadable),
        Row(
            200, #"{"successCount":2,"failCount":0,"createdFields":["x"],"new":{"deep":[1]}}"#, .answered(["ok", "ok"])),
    ])
    func successes(row: Row) {
        let answer = AnswerClassifier.classify(Samples.answer(row.status, row.body), request: Samples.request())
        #expect(Gist(answer) == row.gist)
    }

    @Test(arguments: [
        Row(0, "", .stop("unexpected_answer")), Row(-1, "", .stop("unexpected_answer")),
        Row(100, "", .stop("unexpected_answer")), Row(199, "", .stop("unexpected_answer")),
        Row(301, "", .stop("redirected")), Row(302, html, .stop("redirected")), Row(304, "", .stop("redirected")),
        Row(307, Samples.counts(2, 0), .stop("redirected")), Row(308, "", .stop("redirected")),
        Row(400, "", .refused("bad_request")), Row(400, "nonsense", .refused("bad_request")),
        Row(400, html, .stop("proxy_answer")), Row(400, Samples.counts(2, 0), .refused("bad_request")),
        Row(400, Samples.envelope("Success"), .refused("bad_request")),
        Row(400, Samples.envelope("BadParams"), .refused("bad_request")),
        Row(400, Samples.envelope("BatchTooLarge"), .refused("batch_too_large")),
        Row(400, Samples.envelope("BadJsonBody"), .refused("invalid_json")),
        Row(400, Samples.envelope("RequestFieldsTypesMismatched"), .refused("type_mismatch")),
        Row(400, Samples.envelope("InvalidEmailAddressError", "Invalid email: sayan"), .refused("invalid_email")),
        Row(400, Samples.envelope("InvalidUserIdError"), .refused("invalid_user_id")),
        Row(400, Samples.envelope("ForgottenUserError"), .refused("forgotten")),
        Row(400, Samples.envelope("UnknownEmailError"), .refused("not_found")),
        Row(400, Samples.envelope("UnknownUserIdError"), .refused("not_found")),
        Row(400, Samples.envelope("EmailAlreadyExists"), .refused("conflict")),
        Row(400, Samples.envelope("UserIdAlreadyExists"), .refused("conflict")),
        Row(400, Samples.envelope("UniqueFieldsLimitExceeded"), .stop("fields_limit")),
        Row(400, Samples.envelope("InvalidJwtPayload"), .stop("api_key_kind")),
        Row(400, Samples.envelope("BadApiKey"), .stop("api_key_forbidden")),
        Row(400, Samples.envelope("SomethingNew"), .refused("bad_request")),
        Row(400, Samples.envelope("BadParams", "Invalid email list id"), .listNotFound),
        Row(400, Samples.envelope("Success", "[/api/lists/subscribe] error.lists.invalidListId(42)"), .listNotFound),
        Row(400, Samples.envelope("BadJsonBody", "error.lists.invalidListId(42)"), .refused("invalid_json")),
        Row(
            400, Samples.envelope("InvalidUserIdError", "Invalid userId: error.lists.invalidListId(42)"),
            .refused("invalid_user_id")),
        Row(401, "", .stop("api_key_refused")), Row(401, html, .stop("proxy_answer")),
        Row(401, Samples.counts(2, 0), .stop("api_key_refused")),
        Row(401, Samples.envelope("Unauthorized"), .stop("api_key_refused")),
        Row(401, Samples.envelope("BadAuthorizationHeader"), .stop("api_key_kind")),
        Row(402, "", .stop("unexpected_answer")),
        Row(403, Samples.envelope("Forbidden"), .stop("api_key_forbidden")), Row(403, html, .stop("proxy_answer")),
        Row(404, html, .stop("route_not_found")), Row(404, Samples.envelope("NotFound"), .stop("route_not_found")),
        Row(405, "", .stop("unexpected_answer")), Row(407, "", .stop("unexpected_answer")),
        Row(408, "", .retry("request_timeout", mayHaveBeenApplied: true)),
        Row(409, Samples.envelope("Conflict"), .refused("conflict")), Row(409, html, .stop("proxy_answer")),
        Row(409, Samples.envelope("ForgottenUserError"), .refused("forgotten")),
        Row(410, "", .stop("unexpected_answer")),
        Row(413, "", .refused("batch_too_large")), Row(413, html, .refused("batch_too_large")),
        Row(418, "", .stop("unexpected_answer")), Row(422, "", .stop("unexpected_answer")),
        Row(429, "", .rateLimited), Row(429, html, .rateLimited), Row(429, Samples.counts(2, 0), .rateLimited),
        Row(500, "", broken), Row(500, Samples.counts(2, 0), broken), Row(501, "", broken), Row(502, html, broken),
        Row(503, "busy", broken), Row(504, html, broken), Row(599, "", broken),
        Row(600, "", .stop("unexpected_answer")), Row(Int.max, "", .stop("unexpected_answer")),
    ])
    func failures(row: Row) {
        for operation in RecordKind.list.operations {
            let answer = AnswerClassifier.classify(
                Samples.answer(row.status, row.body), request: Samples.request(operation))
            #expect(Gist(answer) == row.gist, "\(operation)")
        }
    }

    @Test func aNewListThatIsNotKnownYetIsTriedAgain() {
        let body = Samples.envelope("Success", "error.lists.invalidListId(42)")
        let answer = AnswerClassifier.classify(Samples.answer(400, body), request: Samples.request(listIsNew: true))
        #expect(Gist(answer) == .retry("list_not_ready", mayHaveBeenApplied: false))
    }

    @Test(arguments: [
        ("ForgottenUserError", Operation.subscribe, "rejected forgotten"),
        ("ForgottenUserError", .unsubscribe, "ok"),
        ("InvalidEmailAddressError", .subscribe, "rejected invalid_email"),
        ("InvalidEmailAddressError", .unsubscribe, "failed invalid_email"),
        ("InvalidUserIdError", .subscribe, "rejected invalid_user_id"),
        ("UnknownUserIdError", .subscribe, "failed not_found"),
        ("UnknownUserIdError", .unsubscribe, "ok"),
        ("UserIdAlreadyExists", .subscribe, "failed conflict"),
    ])
    func aRefusalOfOneRecordIsThatRecordsOutcome(code: String, operation: RollcallCore.Operation, word: String) {
        let request = Samples.request(operation, [Samples.anna])
        let answer = AnswerClassifier.classify(Samples.answer(400, Samples.envelope(code)), request: request)
        #expect(Gist(answer) == .answered([word]))
    }

    @Test func refusalsThatTellNothingOfAPersonStayRefusals() {
        let request = Samples.request(.subscribe, [Samples.anna])
        for (code, expected) in [
            ("BadJsonBody", "invalid_json"), ("BatchTooLarge", "batch_too_large"), ("X", "bad_request"),
        ] {
            let answer = AnswerClassifier.classify(Samples.answer(400, Samples.envelope(code)), request: request)
            #expect(Gist(answer) == .refused(expected))
        }
    }

    @Test func withoutAnAnswerItDependsOnWhetherAnythingWasSent() {
        let notSent = TransportFailure(kind: .notSent, code: "connect_failed", message: "No connection.")
        let noAnswer = TransportFailure(kind: .noAnswer, code: "timeout", message: "No answer.")
        let request = Samples.request()
        #expect(
            Gist(AnswerClassifier.classify(failure: notSent, request: request))
                == .retry("connect_failed", mayHaveBeenApplied: false))
        #expect(
            Gist(AnswerClassifier.classify(failure: noAnswer, request: request))
                == .retry("timeout", mayHaveBeenApplied: true))
    }

    @Test func theServersOwnWishIsPassedOn() {
        for status in [408, 429, 500, 503] {
            let answer = AnswerClassifier.classify(
                Samples.answer(status, retryAfter: ["7"]), request: Samples.request())
            guard case .retry(_, let after, _, _) = answer else {
                Issue.record("\(status) is not tried again")
                continue
            }
            #expect(after == .seconds(7))
        }
    }

    @Test func theServersWordsAreNeverPassedOn() {
        let key = "0123456789abcdef0123456789abcdef"
        for status in 100...599 {
            for body in [Samples.envelope(key, key), Samples.envelope("BadJsonBody", key), "<\(key)>", key] {
                let answer = Samples.answer(status, body, retryAfter: [key])
                let delivery = AnswerClassifier.classify(answer, request: Samples.request())
                let other = AnswerClassifier.error(for: answer, changesSomething: true)
                #expect(!"\(delivery) \(String(describing: other))".contains(key))
            }
        }
    }

    @Test func otherCallsFailWithTheSameTable() {
        func error(_ status: Int, _ body: String = "", changes: Bool = false) -> DestinationError? {
            AnswerClassifier.error(for: Samples.answer(status, body, retryAfter: ["9"]), changesSomething: changes)
        }
        #expect(error(200) == nil)
        #expect(error(401)?.error.code == "api_key_refused")
        #expect(error(401)?.isTransient == false)
        #expect(error(400, Samples.envelope("BadParams", "Invalid email list id"))?.error.code == "list_not_found")
        #expect(error(429)?.isTransient == true)
        #expect(error(429)?.retryAfter == .seconds(9))
        #expect(error(429, changes: true)?.mayHaveBeenApplied == false)
        #expect(error(503)?.mayHaveBeenApplied == false)
        #expect(error(503, changes: true)?.mayHaveBeenApplied == true)
        #expect(error(302)?.error.hint?.contains("base_url") == true)
    }
}
