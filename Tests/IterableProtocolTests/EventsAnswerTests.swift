import Testing

@testable import IterableProtocol
@testable import RollcallCore

/// What answers to `POST /api/events/trackBulk` mean.
@Suite struct EventsAnswerTests {
    private func answer(
        _ status: Int, _ body: String, _ events: [EventsRequest.Event] = Samples.events.events
    ) -> DeliveryAnswer {
        AnswerClassifier.classify(Samples.answer(status, body), request: .events(EventsRequest(events: events)))
    }

    private func gist(
        _ status: Int, _ body: String, _ events: [EventsRequest.Event] = Samples.events.events
    ) -> Gist {
        Gist(answer(status, body, events))
    }

    private static let allFine = Array(repeating: "ok", count: 5)

    /// The outcomes of all five events, where Anna's are another one than success, or Carl's.
    private static func outcomes(anna: String = "ok", carl: String = "ok") -> [String] {
        [anna, carl, anna, carl, "ok"]
    }

    // MARK: By person

    struct Meaning: Sendable, CustomTestStringConvertible {
        var list: String
        var isNested: Bool
        var word: String

        var testDescription: String { "\(isNested ? "failedUpdates." : "")\(list)" }

        /// The member that names a person.
        func member(_ name: String) -> String {
            let member = "\"\(list)\":[\"\(name)\"]"
            return isNested ? "\"failedUpdates\":{\(member)}" : member
        }
    }

    /// What each list says about those it names.
    static let meanings: [Meaning] = [
        Meaning(list: "invalidEmails", isNested: true, word: "rejected invalid_email"),
        Meaning(list: "invalidEmails", isNested: false, word: "rejected invalid_email"),
        Meaning(list: "invalidUserIds", isNested: true, word: "rejected invalid_user_id"),
        // Deprecated: it names userIds that were not found.
        Meaning(list: "invalidUserIds", isNested: false, word: "failed user_not_found"),
        Meaning(list: "notFoundEmails", isNested: true, word: "failed user_not_found"),
        Meaning(list: "notFoundUserIds", isNested: true, word: "failed user_not_found"),
        Meaning(list: "forgottenEmails", isNested: true, word: "rejected forgotten"),
        Meaning(list: "forgottenUserIds", isNested: true, word: "rejected forgotten"),
    ]

    @Test(arguments: meanings)
    func aListNamesAPersonAndMeansAllTheirEvents(meaning: Meaning) {
        let expected: Gist
        let names: String
        if meaning.list.hasSuffix("Emails") {
            names = meaning.member("Anna@Example.com")
            expected = .answered(Self.outcomes(anna: meaning.word))
        } else {
            names = meaning.member("u-3")
            expected = .answered(Self.outcomes(carl: meaning.word))
        }
        #expect(gist(200, Samples.counts(3, 2, names)) == expected)
    }

    @Test func aNameMayBeRepeated() {
        let body = Samples.counts(
            3, 2, #""failedUpdates":{"notFoundEmails":["anna@example.com","ANNA@example.com","anna@example.com"]}"#)
        #expect(gist(200, body) == .answered(Self.outcomes(anna: "failed user_not_found")))
    }

    @Test func severalPeopleAndReasons() {
        let body = Samples.counts(
            0, 5,
            #""invalidEmails":["ben@example.com"],"failedUpdates":{"forgottenEmails":["anna@example.com"],"#
                + #""notFoundUserIds":["u-3"]}"#)
        #expect(
            gist(200, body)
                == .answered([
                    "rejected forgotten", "failed user_not_found", "rejected forgotten", "failed user_not_found",
                    "rejected invalid_email",
                ]))
    }

    @Test func theGravestOfSeveralReasonsDecides() {
        // A userId that is in the deprecated list and in that of malformed ones.
        let both = Samples.counts(3, 2, #""invalidUserIds":["u-3"],"failedUpdates":{"invalidUserIds":["u-3"]}"#)
        #expect(gist(200, both) == .answered(Self.outcomes(carl: "rejected invalid_user_id")))
        let forgotten = Samples.counts(
            3, 2, #""failedUpdates":{"notFoundUserIds":["u-3"],"forgottenUserIds":["u-3"],"invalidUserIds":["u-3"]}"#)
        #expect(gist(200, forgotten) == .answered(Self.outcomes(carl: "rejected forgotten")))
    }

    @Test func eitherIdentifierIsEnoughWhereAnEventHasBoth() {
        let events = [
            Samples.event(1, "order", email: "ben@example.com", userID: "u-2"),
            Samples.event(2, "order", email: "anna@example.com"),
        ]
        for list in [#""notFoundEmails":["ben@example.com"]"#, #""notFoundUserIds":["u-2"]"#] {
            let body = Samples.counts(1, 1, "\"failedUpdates\":{\(list)}")
            #expect(gist(200, body, events) == .answered(["failed user_not_found", "ok"]))
        }
        // Named by both, and counted once.
        let twice = Samples.counts(
            1, 1, #""failedUpdates":{"notFoundEmails":["ben@example.com"],"forgottenUserIds":["u-2"]}"#)
        #expect(gist(200, twice, events) == .answered(["rejected forgotten", "ok"]))
    }

    @Test func anIdentifierThatTheRequestDoesNotNameIsAStranger() {
        let listed = #""failedUpdates":{"notFoundUserIds":["u-3"],"notFoundEmails":["carl@example.com"]}"#
        #expect(
            gist(200, Samples.counts(3, 2, listed)) == .answered(Self.outcomes(carl: "failed user_not_found")))
        #expect(gist(200, Samples.counts(2, 3, listed)) == .ambiguous)
    }

    // MARK: By name

    /// Whether such events count as failures is not documented.
    @Test(arguments: [(5, 0), (3, 2)])
    func aNameThatIsNotTakenMeansAllItsEvents(successes: Int, failures: Int) {
        let body = Samples.counts(successes, failures, #""disallowedEventNames":["visit","other"]"#)
        let refused = "rejected event_name_disallowed"
        #expect(gist(200, body) == .answered(["ok", refused, refused, "ok", "ok"]))
    }

    @Test(arguments: [(3, 2), (2, 3)])
    func aNameAndAPersonAtOnce(successes: Int, failures: Int) {
        let body = Samples.counts(
            successes, failures,
            #""disallowedEventNames":["visit"],"failedUpdates":{"notFoundEmails":["anna@example.com"]}"#)
        let refused = "rejected event_name_disallowed"
        #expect(gist(200, body) == .answered(["failed user_not_found", refused, refused, "ok", "ok"]))
    }

    @Test func whatIsFinalOfAPersonIsGraverThanTheName() {
        let body = Samples.counts(
            3, 2, #""disallowedEventNames":["visit"],"failedUpdates":{"forgottenEmails":["anna@example.com"]}"#)
        let refused = "rejected event_name_disallowed"
        #expect(gist(200, body) == .answered(["rejected forgotten", refused, "rejected forgotten", "ok", "ok"]))
    }

    @Test func namesOfEventsAreComparedByBytes() {
        let events = [Samples.event(1, "cafe\u{301}", userID: "u-3"), Samples.event(2, "caf\u{e9}", userID: "u-3")]
        let body = Samples.counts(2, 0, "\"disallowedEventNames\":[\"caf\u{e9}\",\"CAFE\u{301}\"]")
        #expect(gist(200, body, events) == .answered(["ok", "rejected event_name_disallowed"]))
    }

    // MARK: Counts

    static let anna = #""failedUpdates":{"notFoundEmails":["anna@example.com"]}"#
    static let visit = #""disallowedEventNames":["visit"]"#

    @Test(arguments: [
        // Failures without a reason, events that were not counted, and some that were counted twice.
        Samples.counts(4, 1), Samples.counts(0, 5), Samples.counts(4, 0), Samples.counts(0, 0),
        Samples.counts(5, 1), Samples.counts(6, 0),
        // Anna has two events: people are not what is counted.
        Samples.counts(4, 1, anna), Samples.counts(2, 3, anna), Samples.counts(3, 1, anna), Samples.counts(4, 2, anna),
        // A person or a name, and no failure that is counted for it.
        Samples.counts(5, 0, anna), Samples.counts(4, 1, visit), Samples.counts(2, 3, visit),
        Samples.counts(4, 1, "\(anna),\(visit)"), Samples.counts(1, 4, "\(anna),\(visit)"),
        Samples.counts(5, 0, "\(anna),\(visit)"),
        // A person who was not sent, and userIds in another case.
        Samples.counts(4, 1, #""failedUpdates":{"notFoundEmails":["who@example.com"]}"#),
        Samples.counts(3, 2, #""failedUpdates":{"notFoundUserIds":["U-3"]}"#),
        // Lists that are unknown to us.
        Samples.counts(3, 2, #""failedUpdates":{"failedEmails":["anna@example.com"]}"#),
    ])
    func countsThatDoNotAgreeMakeNoEventASuccess(body: String) {
        #expect(gist(200, body) == .ambiguous)
    }

    @Test func strangersDoNoHarmWhereTheCountsAgree() {
        let body = Samples.counts(
            3, 2, #""failedUpdates":{"notFoundEmails":["who@example.com","anna@example.com",""]}"#)
        #expect(gist(200, body) == .answered(Self.outcomes(anna: "failed user_not_found")))
        let none = Samples.counts(5, 0, #""failedUpdates":{"forgottenUserIds":["u-99"]},"disallowedEventNames":["x"]"#)
        #expect(gist(200, none) == .answered(Self.allFine))
    }

    @Test func whereEveryEventHasAReasonTheCountsAddNothing() {
        let lists = #""failedUpdates":{"notFoundEmails":["anna@example.com"]},"disallowedEventNames":["order"]"#
        let events = [Samples.events.events[0], Samples.events.events[2], Samples.events.events[3]]
        let refused = "rejected event_name_disallowed"
        for (successes, failures) in [(3, 0), (0, 3), (1, 2), (0, 1), (7, 7)] {
            #expect(
                gist(200, Samples.counts(successes, failures, lists), events)
                    == .answered([refused, "failed user_not_found", refused]))
        }
    }

    @Test func theOnlyEventNeedsNoReason() {
        let only = [Samples.events.events[0]]
        #expect(gist(200, Samples.counts(1, 0), only) == .answered(["ok"]))
        #expect(gist(200, Samples.counts(0, 1), only) == .answered(["failed unspecified"]))
        #expect(gist(200, Samples.counts(0, 7), only) == .answered(["failed unspecified"]))
        #expect(gist(200, Samples.counts(0, 0), only) == .ambiguous)
        #expect(gist(200, Samples.counts(1, 1), only) == .ambiguous)
        #expect(gist(200, Samples.counts(1, 0, Self.anna), only) == .answered(["failed user_not_found"]))
    }

    @Test func theReasonForDoubtHasTheNumbers() {
        guard case .ambiguous(let reason) = answer(200, Samples.counts(4, 1, Self.anna)) else {
            Issue.record("\(answer(200, Samples.counts(4, 1, Self.anna)))")
            return
        }
        #expect(reason.code == "counts_mismatch" && reason.httpStatus == 200)
        #expect(reason.reason == "Iterable counted 4 successes and 1 failures for 5 events, but named 2 of them.")
    }

    // MARK: The body

    @Test(arguments: [
        // Recorded by a public client of Iterable in 2022, without what came later.
        #"{"successCount":5,"failCount":0,"invalidEmails":[],"invalidUserIds":[],"disallowedEventNames":[]}"#,
        // As Iterable describes it.
        """
        {"successCount":5,"failCount":0,"disallowedEventNames":[],"createdFields":["a"],"filteredOutFields":[],
         "failedUpdates":{"invalidEmails":[],"invalidUserIds":[],"notFoundEmails":[],"notFoundUserIds":[],
         "forgottenEmails":[],"forgottenUserIds":[]},"invalidEmails":[],"invalidUserIds":[]}
        """,
        #"{"successCount":5,"failCount":0}"#, #"{"successCount":5,"failCount":0,"new":{"deep":[1]}}"#,
        #"{"successCount":5,"failCount":0,"failedUpdates":null,"disallowedEventNames":null,"invalidUserIds":null}"#,
    ])
    func listsMayBeEmptyNullOrMissing(body: String) {
        #expect(gist(200, body) == .answered(Self.allFine))
    }

    @Test func aRecordedAnswerWithAFailure() {
        let body =
            #"{"successCount":1,"failCount":1,"invalidEmails":["bad@"],"invalidUserIds":[],"disallowedEventNames":[]}"#
        let events = [Samples.event(1, "x", email: "user@example.com"), Samples.event(2, "x", email: "bad@")]
        #expect(gist(200, body, events) == .answered(["ok", "rejected invalid_email"]))
    }

    @Test func fieldsThatAreLeftOutAreNamed() {
        let cases: [(String, [String])] = [
            (Samples.counts(5, 0, #""filteredOutFields":["a.b","c"]"#), ["a.b", "c"]),
            (Samples.counts(3, 2, #""filteredOutFields":["c"],\#(Self.anna)"#), ["c"]),
            (Samples.counts(5, 0, #""filteredOutFields":[]"#), []), (Samples.counts(5, 0), []),
        ]
        for (counts, expected) in cases {
            guard case .answered(_, 200, let leftOut) = answer(200, counts) else {
                Issue.record("\(answer(200, counts))")
                continue
            }
            #expect(leftOut == expected)
        }
    }

    @Test(arguments: [
        "", "{}", "[]", "null", "<html></html>", #"{"successCount":5}"#, #"{"failCount":0}"#,
        #"{"successCount":5,"failCount":0"#, #"{"successCount":5,"failCount":0}{"#,
        #"{"successCount":"5","failCount":0}"#, #"{"successCount":5.5,"failCount":0}"#,
        #"{"successCount":-1,"failCount":6}"#, #"{"successCount":5,"failCount":99999999999999999999}"#,
        #"{"successCount":5,"failCount":0,"disallowedEventNames":"visit"}"#,
        #"{"successCount":5,"failCount":0,"disallowedEventNames":[1]}"#,
        #"{"successCount":5,"failCount":0,"disallowedEventNames":{"visit":true}}"#,
        #"{"successCount":5,"failCount":0,"disallowedEventNames":[null]}"#,
        #"{"successCount":5,"failCount":0,"disallowedEventNames":[],"disallowedEventNames":["visit"]}"#,
        #"{"successCount":5,"failCount":0,"failedUpdates":["anna@example.com"]}"#,
        #"{"successCount":5,"failCount":0,"invalidUserIds":"u-3"}"#,
        #"{"successCount":5,"failCount":0,"filteredOutFields":[1]}"#,
        #"{"successCount":5,"failCount":0,"failCount":2}"#, #"{"msg":"","code":"Success","params":null}"#,
    ])
    func whatIsNotSaidClearlyMayHaveBeenCarriedOut(_ body: String) {
        #expect(gist(200, body) == .retry("unreadable_answer", mayHaveBeenApplied: true))
    }

    @Test func hugeAnswersAreRead() {
        let events = (0..<1000).map { number in
            number % 2 == 0
                ? Samples.event(number, "event \(number)", email: "person\(number % 10)@example.com")
                : Samples.event(number, "event \(number)", userID: "u-\(number % 10)")
        }
        let people = (0..<20_000).map { "\"stranger\($0)@example.com\"," }.joined() + "\"person4@example.com\""
        let names = (0..<20_000).map { "\"name \($0)\"" }.joined(separator: ",")
        let body = Samples.counts(
            900, 100, "\"failedUpdates\":{\"notFoundEmails\":[\(people)]},\"disallowedEventNames\":[\(names)]")
        guard case .answered(let outcomes, _, _) = answer(200, body, events) else {
            Issue.record("not answered")
            return
        }
        let failed = outcomes.indices.filter { outcomes[$0] != .succeeded }
        #expect(failed == (0..<1000).filter { $0 % 10 == 4 })
        let long = Samples.counts(1000, 0, "\"x\":\"\(String(repeating: "é", count: 1_000_000))\"")
        #expect(gist(200, long, events) == .answered(Array(repeating: "ok", count: 1000)))
    }

    // MARK: Refused

    /// A refusal of several events is halved until one is left, whose outcome it is; a single call has but one.
    @Test(arguments: [
        (400, "RequestFieldsTypesMismatched", "type_mismatch", "rejected type_mismatch"),
        (400, "ForgottenUserError", "forgotten", "rejected forgotten"),
        (409, "ForgottenUserError", "forgotten", "rejected forgotten"),
        (400, "InvalidEmailAddressError", "invalid_email", "rejected invalid_email"),
        (400, "InvalidUserIdError", "invalid_user_id", "rejected invalid_user_id"),
        (400, "UnknownEmailError", "not_found", "failed user_not_found"),
        (400, "UnknownUserIdError", "not_found", "failed user_not_found"),
        (409, "Conflict", "conflict", "failed conflict"),
    ])
    func aRefusalOfOneEventIsItsOutcome(status: Int, code: String, ofMany: String, ofOne: String) {
        let body = Samples.envelope(code)
        let only = Samples.events.events[0]
        #expect(gist(status, body) == .refused(ofMany))
        #expect(gist(status, body, [only]) == .answered([ofOne]))
        let single = AnswerClassifier.classify(Samples.answer(status, body), request: .event(only))
        #expect(Gist(single) == .answered([ofOne]))
    }

    @Test func anUnknownUserMayBeSaidInWords() {
        let body = Samples.envelope("BadParams", "User does not exist. Email:  UserId: u-3")
        #expect(gist(400, body) == .refused("not_found"))
        let single = AnswerClassifier.classify(
            Samples.answer(400, body), request: .event(Samples.events.events[1]))
        #expect(Gist(single) == .answered(["failed user_not_found"]))
    }

    @Test(arguments: [
        (400, Samples.envelope("BadJsonBody"), Gist.refused("invalid_json")),
        (400, Samples.envelope("BatchTooLarge"), .refused("batch_too_large")), (413, "", .refused("batch_too_large")),
        (400, Samples.envelope("BadParams"), .refused("bad_request")), (400, "", .refused("bad_request")),
        (400, Samples.envelope("UniqueFieldsLimitExceeded"), .stop("fields_limit")),
        (401, Samples.envelope("BadApiKey"), .stop("api_key_refused")),
        // There is no list that could be missing, and no catalog.
        (400, Samples.envelope("Success", "error.lists.invalidListId(42)"), .stop("list_not_found")),
        (404, Samples.envelope("NotFound"), .stop("route_not_found")), (404, "", .stop("route_not_found")),
        (429, "", .rateLimited), (408, "", .retry("request_timeout", mayHaveBeenApplied: true)),
        (503, "", .retry("server_error", mayHaveBeenApplied: true)),
    ])
    func whatSaysNothingOfAPerson(status: Int, body: String, expected: Gist) {
        let only = Samples.events.events[0]
        #expect(gist(status, body) == expected)
        #expect(gist(status, body, [only]) == expected)
        #expect(Gist(AnswerClassifier.classify(Samples.answer(status, body), request: .event(only))) == expected)
    }

    @Test func outcomesCarryStatusAndSentence() {
        let reasons: [(DeliveryAnswer, String)] = [
            (answer(200, Samples.counts(3, 2, Self.anna)), "Iterable has no user with this identifier."),
            (
                answer(400, Samples.envelope("RequestFieldsTypesMismatched"), [Samples.events.events[0]]),
                "A value has another type than the field has in Iterable for events of this name; "
                    + "correct it in the warehouse."
            ),
        ]
        for (answer, sentence) in reasons {
            guard case .answered(let outcomes, let status, _) = answer, let reason = outcomes[0].reason else {
                Issue.record("\(answer)")
                continue
            }
            #expect(reason.reason == sentence && reason.httpStatus == status)
        }
    }

    @Test func bothCallsMayBeRepeated() {
        #expect(DeliveryRequest.events(Samples.events).mayBeRepeated)
        #expect(DeliveryRequest.event(Samples.events.events[0]).mayBeRepeated)
    }
}

/// What answers to `POST /api/events/track` mean.
@Suite struct TrackAnswerTests {
    private func answer(_ body: String, status: Int = 200) -> DeliveryAnswer {
        AnswerClassifier.classify(
            Samples.answer(status, body), request: .event(Samples.event(1, "order", userID: "u-3")))
    }

    @Test(arguments: [
        // Recorded by public clients of Iterable.
        #"{"msg":"","code":"Success","params":null}"#,
        #"{"msg":"Event with id: 1234 tracked.","code":"Success","params":{"id":"1234"}}"#,
        #"{"msg":"disallowed","code":"Success","new":[1]}"#,
    ])
    func successes(body: String) {
        #expect(Gist(answer(body)) == .answered(["ok"]))
        #expect(Gist(answer(body, status: 202)) == .answered(["ok"]))
    }

    @Test(arguments: [
        #"{"msg":"Event order is disallowed from tracking","code":"Success","params":null}"#,
        #"{"msg":"event x is disallowed from tracking."}"#,
        #"{"msg":"Event order is disallowed from tracking","code":"BadParams"}"#,
    ])
    func aNameThatIsNotTakenIsSaidInWords(body: String) {
        #expect(Gist(answer(body)) == .answered(["rejected event_name_disallowed"]))
        guard case .answered(let outcomes, 200, _) = answer(body), let reason = outcomes[0].reason else {
            Issue.record("\(answer(body))")
            return
        }
        #expect(reason.httpStatus == 200 && reason.reason.hasPrefix("Iterable does not take events of this name"))
    }

    @Test(arguments: [
        "", "{}", "[]", "null", "true", "\"Success\"", "<html></html>", #"{"code":"Success"}"#,
        #"{"msg":null,"code":"Success"}"#, #"{"msg":["is disallowed from tracking"],"code":"Success"}"#,
        #"{"msg":"","code":"success"}"#, #"{"msg":"","code":"BadParams","params":null}"#,
        #"{"msg":"","code":null}"#, #"{"msg":"","code":1}"#, #"{"msg":"","code":"Success""#,
        #"{"msg":"","code":"Success","code":"BadParams"}"#, #"{"msg":"","msg":"","code":"Success"}"#,
        #"{"successCount":1,"failCount":0}"#,
    ])
    func whatIsNotSaidClearlyMayHaveBeenCarriedOut(body: String) {
        #expect(Gist(answer(body)) == .retry("unreadable_answer", mayHaveBeenApplied: true))
    }

    @Test func theServersWordsAreNeverPassedOn() {
        let key = "0123456789abcdef0123456789abcdef"
        for status in [200, 400, 401, 409, 500] {
            for body in [
                Samples.envelope("Success", "\(key) is disallowed from tracking"), Samples.envelope(key, key),
                Samples.counts(5, 0, "\"disallowedEventNames\":[\"\(key)\"]"),
            ] {
                let bulk = AnswerClassifier.classify(Samples.answer(status, body), request: .events(Samples.events))
                #expect(!"\(answer(body, status: status)) \(bulk)".contains(key))
            }
        }
    }
}
