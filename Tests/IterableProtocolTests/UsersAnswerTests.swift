import Testing

@testable import IterableProtocol
@testable import RollcallCore

/// What answers to `POST /api/users/bulkUpdate` mean.
@Suite struct UsersAnswerTests {
    /// What each list says about those it names.
    static let meanings: [(list: String, update: String)] = [
        ("invalidEmails", "rejected invalid_email"), ("invalidUserIds", "rejected invalid_user_id"),
        ("notFoundEmails", "failed user_not_found"), ("notFoundUserIds", "failed user_not_found"),
        ("invalidDataEmails", "failed invalid_data"), ("invalidDataUserIds", "failed invalid_data"),
        ("conflictEmails", "failed identity_conflict"), ("conflictUserIds", "failed identity_conflict"),
        ("forgottenEmails", "rejected forgotten"), ("forgottenUserIds", "rejected forgotten"),
    ]

    private static let annaByEmail = Identity(email: "anna@example.com", userID: nil)

    private func answer(
        _ status: Int, _ body: String, _ people: [Identity] = [Samples.anna, Samples.ben]
    ) -> DeliveryAnswer {
        let request = UsersRequest(people: people.map { .init(identity: $0, object: Array("{}".utf8)) })
        return AnswerClassifier.classify(Samples.answer(status, body), request: .users(request))
    }

    private func gist(_ status: Int, _ body: String, _ people: [Identity] = [Samples.anna, Samples.ben]) -> Gist {
        Gist(answer(status, body, people))
    }

    private func nested(_ lists: String) -> String { "\"failedUpdates\":{\(lists)}" }

    // MARK: Success, for some

    /// As Iterable describes it, with the lists of those whose profiles were equal already.
    @Test func whoeverHadItAllAlreadyIsASuccess() {
        let lists = """
            "invalidEmails":[],"invalidUserIds":[],"createdFields":["plan"],"filteredOutFields":[],
            "noOpEmails":["anna@example.com"],"noOpUserIds":["u-2"],
            "failedUpdates":{"invalidEmails":[],"conflictEmails":[],"forgottenUserIds":[]}
            """
        #expect(gist(200, Samples.counts(2, 0, lists)) == .answered(["ok", "ok"]))
    }

    @Test(arguments: 0..<meanings.count)
    func everyListNamesAPerson(position: Int) {
        let (list, update) = Self.meanings[position]
        let byEmail = list.hasSuffix("Emails")
        // Only one of the two carries both identifiers, so a conflict can only be theirs.
        let people = [byEmail ? Self.annaByEmail : Identity(email: nil, userID: "u-1"), Samples.ben]
        let name = byEmail ? "Ben@Example.com" : "u-2"
        for place in ["\"\(list)\":[\"\(name)\"]", nested("\"\(list)\":[\"\(name)\"]")] {
            #expect(gist(200, Samples.counts(1, 1, place), people) == .answered(["ok", update]), "\(place)")
        }
    }

    @Test func aConflictAmongSeveralPeopleWithBothIdentifiersIsNobodysYet() {
        // The list names the profile in the way, and that may be another row's.
        let body = Samples.counts(1, 1, nested(#""conflictEmails":["ben@example.com"]"#))
        #expect(gist(200, body) == .ambiguous)
        // Alone, the person is the one who was refused, whoever is in the way.
        let stranger = Samples.counts(0, 1, nested(#""conflictUserIds":["somebody-else"]"#))
        #expect(gist(200, stranger, [Samples.anna]) == .answered(["failed identity_conflict"]))
        // People with one identifier each are in no one's way but their own.
        let people = [Self.annaByEmail, Identity(email: "ben@example.com", userID: nil)]
        #expect(gist(200, body, people) == .answered(["ok", "failed identity_conflict"]))
    }

    @Test(arguments: [
        // More failures than names, and people who were not counted.
        (Samples.counts(1, 1), Gist.ambiguous), (Samples.counts(0, 2), .ambiguous),
        (Samples.counts(0, 2, #""invalidEmails":["ben@example.com"]"#), .ambiguous),
        (Samples.counts(1, 0), .ambiguous), (Samples.counts(0, 0), .ambiguous),
        (Samples.counts(0, 1, #""invalidEmails":["ben@example.com"]"#), .ambiguous),
        // A person who was not sent.
        (Samples.counts(1, 1, #""invalidEmails":["who@example.com"]"#), .ambiguous),
        (Samples.counts(1, 1, #""failedUpdates":{"forgottenUserIds":["U-2"]}"#), .ambiguous),
        // A name without a count is a failure all the same.
        (Samples.counts(2, 0, #""invalidEmails":["ben@example.com"]"#), .answered(["ok", "rejected invalid_email"])),
        // The deprecated and the current lists name different people.
        (
            Samples.counts(0, 2, #""invalidUserIds":["u-1"],"failedUpdates":{"forgottenEmails":["ben@example.com"]}"#),
            .answered(["rejected invalid_user_id", "rejected forgotten"])
        ),
        // The gravest of several names decides.
        (
            Samples.counts(
                1, 1, #""failedUpdates":{"notFoundEmails":["ben@example.com"],"forgottenUserIds":["u-2"]}"#),
            .answered(["ok", "rejected forgotten"])
        ),
    ])
    func countsAndNames(body: String, expected: Gist) {
        #expect(gist(200, body) == expected)
    }

    @Test func theOnlyPersonNeedsNoName() {
        #expect(gist(200, Samples.counts(0, 1), [Samples.anna]) == .answered(["failed unspecified"]))
        #expect(gist(200, Samples.counts(0, 0), [Samples.anna]) == .ambiguous)
        #expect(gist(200, Samples.counts(1, 0), [Samples.anna]) == .answered(["ok"]))
    }

    /// Iterable takes the people and leaves the fields out.
    @Test func fieldsThatAreLeftOutAreNamed() {
        let body = Samples.counts(1, 1, #""filteredOutFields":["a.b","c"],"invalidEmails":["ben@example.com"]"#)
        guard case .answered(let outcomes, 200, let leftOut) = answer(200, body) else {
            Issue.record("\(answer(200, body))")
            return
        }
        #expect(outcomes.map(\.kind) == [.succeeded, .rejected] && leftOut == ["a.b", "c"])
        guard case .answered(_, _, let none) = answer(200, Samples.counts(2, 0, "\"filteredOutFields\":null")) else {
            Issue.record("no answer")
            return
        }
        #expect(none.isEmpty)
    }

    @Test(arguments: [
        "", "{}", "[]", "<html></html>", #"{"successCount":2}"#, #"{"successCount":2,"failCount":0"#,
        #"{"successCount":2,"failCount":0,"filteredOutFields":[1]}"#,
        #"{"successCount":2,"failCount":0,"filteredOutFields":"plan"}"#,
        #"{"successCount":2,"failCount":0,"failedUpdates":["a",1]}"#,
        #"{"successCount":2,"failCount":0,"failCount":1}"#, #"{"msg":"","code":"Success","params":null}"#,
    ])
    func whatIsNotSaidClearlyMayHaveBeenCarriedOut(_ body: String) {
        #expect(gist(200, body) == .retry("unreadable_answer", mayHaveBeenApplied: true))
    }

    // MARK: Refused

    /// A refusal of several people is halved until one is left, whose outcome it is.
    @Test(arguments: [
        (400, "RequestFieldsTypesMismatched", "type_mismatch", "rejected type_mismatch"),
        (400, "ForgottenUserError", "forgotten", "rejected forgotten"),
        (409, "ForgottenUserError", "forgotten", "rejected forgotten"),
        (400, "InvalidEmailAddressError", "invalid_email", "rejected invalid_email"),
        (400, "InvalidUserIdError", "invalid_user_id", "rejected invalid_user_id"),
        (400, "UnknownEmailError", "not_found", "failed user_not_found"),
        (400, "UnknownUserIdError", "not_found", "failed user_not_found"),
        (400, "EmailAlreadyExists", "conflict", "failed identity_conflict"),
        (400, "UserIdAlreadyExists", "conflict", "failed identity_conflict"),
        (400, "ExternalKeyConflict", "conflict", "failed identity_conflict"),
        (409, "Conflict", "conflict", "failed identity_conflict"),
    ])
    func aRefusalOfOnePersonIsTheirOutcome(status: Int, code: String, ofMany: String, ofOne: String) {
        let body = Samples.envelope(code)
        #expect(gist(status, body) == .refused(ofMany))
        #expect(gist(status, body, [Samples.anna]) == .answered([ofOne]))
    }

    @Test func theOutcomeCarriesStatusAndSentence() {
        let body = Samples.envelope("RequestFieldsTypesMismatched")
        guard case .answered(let outcomes, 400, _) = answer(400, body, [Samples.anna]),
            case .rejected(let reason)? = outcomes.first
        else {
            Issue.record("\(answer(400, body, [Samples.anna]))")
            return
        }
        #expect(reason.httpStatus == 400 && reason.reason.hasPrefix("A value has another type"))
    }

    @Test(arguments: [
        (400, Samples.envelope("BadJsonBody"), Gist.refused("invalid_json")),
        (400, Samples.envelope("BatchTooLarge"), .refused("batch_too_large")), (413, "", .refused("batch_too_large")),
        (400, Samples.envelope("BadParams"), .refused("bad_request")),
        (400, Samples.envelope("UniqueFieldsLimitExceeded"), .stop("fields_limit")),
        (401, Samples.envelope("BadApiKey"), .stop("api_key_refused")),
        // There is no list that could be missing, and no catalog.
        (400, Samples.envelope("Success", "error.lists.invalidListId(42)"), .stop("list_not_found")),
        (404, Samples.envelope("NotFound"), .stop("route_not_found")), (404, "", .stop("route_not_found")),
        (429, "", .rateLimited), (503, "", .retry("server_error", mayHaveBeenApplied: true)),
    ])
    func whatSaysNothingOfAPerson(status: Int, body: String, expected: Gist) {
        #expect(gist(status, body) == expected)
        #expect(gist(status, body, [Samples.anna]) == expected)
    }

    // MARK: Values of another type

    private static let mismatched = """
        {"msg":"Project 1: The request does not have the same data types as the data previously submitted.",
         "code":"RequestFieldsTypesMismatched","params":{"validationErrors":{"signupDate":{"incomingTypes":
         ["string","keyword"],"expectedType":"date","_type":"UnexpectedType","offendingValue":"GGG"},
         "a.b":{"expectedType":"a secret","offendingValue":3.5},"none":{"expectedType":"long","offendingValue":null}}}}
        """

    @Test func aRefusalNamesTheFieldsWhoseValuesDoNotFit() {
        guard case .mismatched(let reason, let found) = answer(400, Self.mismatched) else {
            Issue.record("the fields are not read")
            return
        }
        #expect(reason.code == "type_mismatch" && reason.httpStatus == 400)
        #expect(
            found == [
                TypeMismatch(field: "a.b", expected: nil, offending: .number(3.5)),
                TypeMismatch(field: "signupDate", expected: "date", offending: .string("GGG")),
            ])
        #expect(!"\(reason)".contains("GGG"), "a value is no word for a log")
    }

    @Test(arguments: [
        #"{"code":"RequestFieldsTypesMismatched","params":{"validationErrors":{}}}"#,
        #"{"code":"RequestFieldsTypesMismatched","params":{"validationErrors":[]}}"#,
        #"{"code":"RequestFieldsTypesMismatched","params":{"validationErrors":{"a":{"expectedType":"long"}}}}"#,
        #"{"code":"RequestFieldsTypesMismatched"}"#,
    ])
    func aRefusalThatNamesNoneIsHalved(_ body: String) {
        guard case .refused(let reason) = answer(400, body) else {
            Issue.record("\(body)")
            return
        }
        #expect(reason.code == "type_mismatch")
    }
}
