import Testing

@testable import IterableProtocol
@testable import RollcallCore

@Suite struct PartialFailureTests {
    /// What each list says about those it names, for both operations.
    static let meanings: [(list: String, subscribe: String, unsubscribe: String)] = [
        ("invalidEmails", "rejected invalid_email", "failed invalid_email"),
        ("invalidUserIds", "rejected invalid_user_id", "failed invalid_user_id"),
        ("notFoundEmails", "failed not_found", "ok"),
        ("notFoundUserIds", "failed not_found", "ok"),
        ("invalidDataEmails", "failed invalid_data", "failed invalid_data"),
        ("invalidDataUserIds", "failed invalid_data", "failed invalid_data"),
        ("conflictEmails", "failed conflict", "failed conflict"),
        ("conflictUserIds", "failed conflict", "failed conflict"),
        ("forgottenEmails", "rejected forgotten", "ok"),
        ("forgottenUserIds", "rejected forgotten", "ok"),
    ]

    private func gist(_ body: String, _ request: ListRequest) -> Gist {
        Gist(AnswerClassifier.classify(Samples.answer(200, body), request: request))
    }

    private func nested(_ lists: String) -> String { "\"failedUpdates\":{\(lists)}" }

    @Test(arguments: 0..<meanings.count)
    func everyListWithEveryOperation(position: Int) {
        let (list, subscribe, unsubscribe) = Self.meanings[position]
        let byEmail = list.hasSuffix("Emails")
        let people =
            byEmail
            ? [Identity(email: "anna@example.com", userID: nil), Identity(email: "ben@example.com", userID: nil)]
            : [Identity(email: nil, userID: "u-1"), Identity(email: nil, userID: "u-2")]
        let name = byEmail ? "Ben@Example.com" : "u-2"
        for place in ["\"\(list)\":[\"\(name)\"]", nested("\"\(list)\":[\"\(name)\"]")] {
            let body = Samples.counts(1, 1, place)
            #expect(gist(body, Samples.request(.subscribe, people)) == .answered(["ok", subscribe]), "\(place)")
            #expect(gist(body, Samples.request(.unsubscribe, people)) == .answered(["ok", unsubscribe]), "\(place)")
        }
    }

    @Test(arguments: 0..<meanings.count)
    func eitherIdentifierOfAHybridRecordIsEnough(position: Int) {
        let (list, subscribe, _) = Self.meanings[position]
        let name = list.hasSuffix("Emails") ? "ben@example.com" : "u-2"
        let body = Samples.counts(1, 1, nested("\"\(list)\":[\"\(name)\"]"))
        #expect(gist(body, Samples.request(.subscribe, Self.oneHybrid)) == .answered(["ok", subscribe]))
    }

    /// Only one of the two carries both identifiers, so a conflict can only be this one's.
    private static let oneHybrid = [Identity(email: "anna@example.com", userID: nil), Samples.ben]

    @Test func aConflictAmongSeveralHybridRecordsIsNobodysYet() {
        // The list names the identifier in the way; it may be Ben's although Anna's record was refused.
        let body = Samples.counts(1, 1, nested(#""conflictUserIds":["u-2"]"#))
        #expect(gist(body, Samples.request()) == .ambiguous)
        // Alone, the record is the refused one, whoever is in its way.
        let stranger = Samples.counts(0, 1, nested(#""conflictUserIds":["somebody-else"]"#))
        #expect(gist(stranger, Samples.request(.subscribe, [Samples.anna])) == .answered(["failed conflict"]))
    }

    @Test func aConflictMayNameEitherIdentifier() {
        for list in ["conflictEmails", "conflictUserIds"] {
            for name in ["ben@example.com", "u-2"] {
                let body = Samples.counts(1, 1, nested("\"\(list)\":[\"\(name)\"]"))
                #expect(
                    gist(body, Samples.request(.subscribe, Self.oneHybrid)) == .answered(["ok", "failed conflict"]))
            }
        }
    }

    @Test func aRemovalIsJudgedByTheIdentifierItNamed() {
        // The removal named the userId; an email in the lists is somebody we did not ask about.
        let body = Samples.counts(1, 1, nested(#""invalidEmails":["ben@example.com"]"#))
        #expect(gist(body, Samples.request(.unsubscribe)) == .ambiguous)
        let named = Samples.counts(1, 1, nested(#""invalidUserIds":["u-2"]"#))
        #expect(gist(named, Samples.request(.unsubscribe)) == .answered(["ok", "failed invalid_user_id"]))
    }

    @Test func userIDsAreMatchedExactly() {
        let body = Samples.counts(1, 1, nested(#""notFoundUserIds":["U-2"]"#))
        #expect(gist(body, Samples.request()) == .ambiguous)
    }

    @Test func namesAreComparedByBytes() {
        // The Kelvin sign is canonically equal to K, but no identifier of ours.
        let people = [Identity(email: nil, userID: "K"), Identity(email: nil, userID: "u-2")]
        let body = Samples.counts(1, 1, nested("\"notFoundUserIds\":[\"\u{212A}\"]"))
        #expect(gist(body, Samples.request(.subscribe, people)) == .ambiguous)
    }

    @Test(arguments: [
        ("forgotten", "invalid", "rejected forgotten"), ("invalid", "conflict", "rejected invalid_email"),
        ("conflict", "invalidData", "failed conflict"), ("invalidData", "notFound", "failed invalid_data"),
        ("notFound", "forgotten", "rejected forgotten"),
    ])
    func theGravestOfSeveralNamesDecides(first: String, second: String, word: String) {
        let lists = #""\#(first)Emails":["ben@example.com"],"\#(second)Emails":["ben@example.com"]"#
        let request = Samples.request(.subscribe, Self.oneHybrid)
        #expect(gist(Samples.counts(1, 1, nested(lists)), request) == .answered(["ok", word]))
    }

    @Test(arguments: [
        // More failures than names.
        (Samples.counts(1, 1), Gist.ambiguous),
        (Samples.counts(0, 2, #""invalidEmails":["ben@example.com"]"#), .ambiguous),
        (Samples.counts(0, 2), .ambiguous),
        // Somebody we did not send.
        (Samples.counts(1, 1, #""invalidEmails":["who@example.com"]"#), .ambiguous),
        // A record that was not counted.
        (Samples.counts(1, 0), .ambiguous),
        (Samples.counts(0, 0), .ambiguous),
        (Samples.counts(0, 1, #""invalidEmails":["ben@example.com"]"#), .ambiguous),
        // Names without counts are failures all the same.
        (Samples.counts(2, 0, #""invalidEmails":["ben@example.com"]"#), .answered(["ok", "rejected invalid_email"])),
        // Names of strangers beside ours do no harm where the counts fit.
        (
            Samples.counts(1, 1, #""invalidEmails":["ben@example.com","who@example.com"]"#),
            .answered(["ok", "rejected invalid_email"])
        ),
        // Everybody is named: the counts can add nothing.
        (
            Samples.counts(0, 3, #""invalidEmails":["ben@example.com","anna@example.com"]"#),
            .answered(["rejected invalid_email", "rejected invalid_email"])
        ),
        // One record under both identifiers, counted twice.
        (
            Samples.counts(
                1, 1, #""failedUpdates":{"notFoundEmails":["ben@example.com"],"notFoundUserIds":["u-2"]}"#),
            .answered(["ok", "failed not_found"])
        ),
        // The deprecated and the current list name different people.
        (
            Samples.counts(0, 2, #""invalidEmails":["anna@example.com"],"failedUpdates":{"forgottenUserIds":["u-2"]}"#),
            .answered(["rejected invalid_email", "rejected forgotten"])
        ),
    ])
    func countsAndNames(body: String, expected: Gist) {
        #expect(gist(body, Samples.request()) == expected)
    }

    @Test func theOnlyRecordNeedsNoName() {
        let single = Samples.request(.subscribe, [Samples.anna])
        #expect(gist(Samples.counts(0, 1), single) == .answered(["failed unspecified"]))
        #expect(gist(Samples.counts(0, 2, #""notFoundUserIds":["u-1"]"#), single) == .answered(["failed not_found"]))
        #expect(gist(Samples.counts(0, 0), single) == .ambiguous)
        #expect(gist(Samples.counts(1, 1), single) == .ambiguous)
    }

    @Test func aPersonPassedOverBecauseOnlyKnownOnesAreUpdatedIsNotFound() {
        let single = Samples.request(.subscribe, [Samples.anna], updateExistingUsersOnly: true)
        #expect(gist(Samples.counts(0, 0), single) == .answered(["failed not_found"]))
        #expect(gist(Samples.counts(1, 0), Samples.request(updateExistingUsersOnly: true)) == .ambiguous)
    }

    @Test func reasonsCarryStatusAndSentence() {
        let body = Samples.counts(1, 1, #""failedUpdates":{"forgottenEmails":["ben@example.com"]}"#)
        let answer = AnswerClassifier.classify(Samples.answer(200, body), request: Samples.request())
        guard case .answered(let outcomes, 200, _) = answer, case .rejected(let reason) = outcomes[1] else {
            Issue.record("\(answer)")
            return
        }
        #expect(reason.httpStatus == 200)
        #expect(reason.reason.hasSuffix("take them out of the source."))
    }
}
