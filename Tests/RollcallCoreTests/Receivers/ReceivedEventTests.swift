import Foundation
import Testing

@testable import RollcallCore

@Suite struct ReceivedEventTests {
    private let now = Date(timeIntervalSince1970: 1_700_000_000)

    private func event(_ text: String, _ form: LogSettings.Identifiers = .plain) throws -> ReceivedEvent {
        let hiding = form == .plain ? nil : IdentifierHiding(form, key: [UInt8](repeating: 7, count: 16))
        return try ReceivedBody(Array(text.utf8)).event(
            eventID: "id", receiver: "r", destination: "d", receivedAt: now, hiding: hiding)
    }

    private func payload(_ text: String, _ form: LogSettings.Identifiers = .masked) throws -> String {
        String(decoding: try event(text, form).payload, as: UTF8.self)
    }

    @Test func membersBecomeColumns() throws {
        let text = """
            {"email":"docs@example.com","userId":"u-1","eventName":"emailClick","dataFields":{"campaignId":59667,"templateId":93849.0,
            "messageId":"m1","messageTypeId":3866,"channelId":3420,"workflowId":1e2,"experimentId":7,"url":"https://example.com/?a=1",
            "createdAt":"2022-04-19 03:33:50 +00:00","email":"other@example.com"}}
            """
        let event = try event(text)
        var expected = ReceivedEvent(
            eventID: "id", receiver: "r", destination: "d", receivedAt: now, payload: Array(text.utf8))
        expected.email = "docs@example.com"
        expected.userID = "u-1"
        expected.eventName = "emailClick"
        expected.campaignID = 59667
        expected.templateID = 93849
        expected.messageID = "m1"
        expected.messageTypeID = 3866
        expected.channelID = 3420
        expected.workflowID = 100
        expected.experimentID = 7
        expected.url = "https://example.com/?a=1"
        expected.occurredAt = Date(timeIntervalSince1970: 1_650_339_230)
        #expect(event == expected)
    }

    @Test func whatIsMissingOrOfAnotherTypeIsNone() throws {
        for text in [
            "{}", "{\"dataFields\":null}", "{\"dataFields\":[1]}", "{\"dataFields\":\"x\"}",
            """
            {"email":"","userId":"","eventName":3,"dataFields":{"campaignId":"59667","templateId":null,"messageId":5,"url":true,
            "createdAt":1650339230,"channelId":1.5,"email":["a@example.com"]}}
            """,
            "{\"email\":null,\"dataFields\":{\"createdAt\":\"yesterday\",\"campaignId\":9223372036854775808,\"url\":\"\"}}",
        ] {
            let event = try event(text)
            #expect(
                event
                    == ReceivedEvent(
                        eventID: "id", receiver: "r", destination: "d", receivedAt: now, payload: Array(text.utf8)))
        }
    }

    @Test func membersAreFoundWhereIterableHasThem() throws {
        #expect(try event("{\"email\":\"\",\"dataFields\":{\"email\":\"a@example.com\"}}").email == "a@example.com")
        #expect(try event("{\"email\":5,\"dataFields\":{\"email\":\"a@example.com\"}}").email == "a@example.com")
        let flat = try event("{\"campaignId\":1,\"createdAt\":\"2022-04-19 03:33:50 +0000\",\"messageId\":\"m\"}")
        #expect(flat.campaignID == 1 && flat.messageID == "m" && flat.occurredAt != nil)
        #expect(try event("{\"campaignId\":1,\"dataFields\":{\"campaignId\":2}}").campaignID == 2)
        #expect(try event("{\"\\u0065mail\":\"\\u0061@example.com\"}").email == "a@example.com")
        #expect(try event("{\"dataFields\":{\"userId\":\"u\"}}").userID == nil)
        let anonymous = try event("{\"eventName\":\"x\",\"userId\":null}")
        #expect(anonymous.eventName == "x" && anonymous.userID == nil)
    }

    @Test func nulIsReplacedInWhatIsKept() throws {
        let event = try event("{\"userId\":\"a\\u0000b\", \"x\\u0000\":1,\"y\":[\"\\u0000\\\"\",\"é\\n\"]}")
        #expect(event.userID == "a\u{FFFD}b")
        #expect(
            String(decoding: event.payload, as: UTF8.self)
                == "{\"userId\":\"a\u{FFFD}b\", \"x\u{FFFD}\":1,\"y\":[\"\u{FFFD}\\\"\",\"é\\n\"]}")
    }

    // MARK: Times

    @Test(
        arguments: [
            ("2022-04-19 03:33:50 +00:00", 1_650_339_230), ("2022-04-19 03:33:50 +0000", 1_650_339_230),
            ("2022-04-19T03:33:50Z", 1_650_339_230), ("2022-04-19T03:33:50.000Z", 1_650_339_230),
            ("2022-04-19T05:33:50+02:00", 1_650_339_230), ("2022-04-19T05:33:50.25+02:00", 1_650_339_230.25),
            ("20220419T033350Z", 1_650_339_230), ("20220419T033350.500Z", 1_650_339_230.5),
            ("2022-04-18 22:33:50 -05:00", 1_650_339_230), ("9999-12-31T23:59:59Z", 253_402_300_799),
            ("2022-04-19 03:33:50", nil), ("2022-04-19", nil), ("2022-02-30 03:33:50 +00:00", nil), ("", nil),
            ("2022-04-19T24:00:00Z", nil), ("20220419T033350", nil), ("20220419T033350.Z", nil),
            ("20220419033350Z", nil),
            ("0001-01-01T00:00:00+05:00", nil), ("9999-12-31T23:59:59-05:00", nil), ("1650339230", nil),
            ("2022-04-19T03:33:50Zx", nil),
            ("20220230T033350Z", nil), ("2022-04-19T03:33:50+25:00", nil), ("20220419T033350.5", nil),
        ] as [(String, Double?)])
    func timesAreReadInEachForm(_ text: String, _ seconds: Double?) {
        #expect(EventTime.parse(Array(text.utf8)) == seconds.map { Date(timeIntervalSince1970: $0) })
    }

    // MARK: Hidden identifiers

    @Test func identifiersAreHiddenWhereverTheyStand() throws {
        let text = """
            {"email":"Docs@example.com","userId":"u-77","eventName":"emailClick","Docs@example.com":1,"n":[{"u-77":true}],
            "dataFields":{"emailId":"c59667:t93849:docs@example.com","a":"u-77","b":"xu-77 u-778 (u-77)","c":["DOCS@EXAMPLE.COM"],
            "url":"https://example.com/?e=docs%40example.com&f=docs%2540example.com&u=u%2D77&v=%3Du-77"}}
            """
        let event = try event(text, .masked)
        let payload = String(decoding: event.payload, as: UTF8.self)
        #expect(event.email == "D***@example.com" && event.userID == "u***" && event.eventName == "emailClick")
        #expect(event.url == "https://example.com/?e=D***%40example.com&f=D***%40example.com&u=u***&v=%3Du***")
        #expect(payload.contains("\"emailId\":\"c59667:t93849:D***@example.com\""))
        #expect(payload.contains("\"D***@example.com\":1") && payload.contains("{\"u***\":true}"))
        #expect(payload.contains("\"xu-77 u-778 (u***)\"") && payload.contains("[\"D***@example.com\"]"))
        #expect(!payload.lowercased().contains("docs"))
        #expect(try FilterMembers(event.payload).eventName == "emailClick")
    }

    @Test func bothAddressesAndEveryKindOfUserIDAreHidden() throws {
        let text = """
            {"email":"a@example.com","userId":12345,"dataFields":{"email":"b@example.com","userId":"k9","campaignId":12345,
            "x":12345,"y":"12345","z":"mail b@example.com","w":"k9","channelIds":[12345,{"q":12345}]}}
            """
        let event = try event(text, .masked)
        let payload = String(decoding: event.payload, as: UTF8.self)
        #expect(event.userID == nil && event.campaignID == 12345)
        for shown in ["a@ex", "b@ex", "k9", "\"12345\"", "\"x\":12345", "\"userId\":12345"] {
            #expect(!payload.contains(shown), "\(shown) in \(payload)")
        }
        #expect(payload.contains("\"campaignId\":12345") && payload.contains("\"x\":\"1***\""))
    }

    @Test func hashesAreThoseOfTheValueUnderTheKey() throws {
        let hiding = IdentifierHiding(.hashed, key: [UInt8](repeating: 7, count: 16))
        let event = try event(
            "{\"email\":\"A@example.com\",\"dataFields\":{\"email\":\"a@example.com\",\"x\":\"A@example.com\"}}",
            .hashed)
        // One address has one hash, however it is written.
        let hash = hiding.of("a@example.com")
        #expect(event.email == hash && hash.hasPrefix("hash:"))
        #expect(
            String(decoding: event.payload, as: UTF8.self)
                == "{\"email\":\"\(hash)\",\"dataFields\":{\"email\":\"\(hash)\",\"x\":\"\(hash)\"}}")
    }

    @Test func namesThatAreMaskedAlikeStayApart() throws {
        let text =
            "{\"email\":\"ab@example.com\",\"dataFields\":{\"email\":\"ac@example.com\"},\"ab@example.com\":1,\"ac@example.com\":2,\"a***@example.com\":3}"
        let payload = try payload(text)
        #expect(
            payload
                == "{\"email\":\"a***@example.com\",\"dataFields\":{\"email\":\"a***@example.com\"},\"a***@example.com#2\":1,\"a***@example.com#3\":2,\"a***@example.com\":3}"
        )
    }

    @Test func whatHasNothingToHideStaysAsItIs() throws {
        for text in ["{}", " {\"a\" : 1.50} ", "{\"userId\":\"\",\"email\":null,\"x\":\"a@example.com\"}"] {
            #expect(try payload(text) == text)
        }
        #expect(
            try payload("{\"userId\":\"a\\u0000\",\"x\\u0000\":\"y\\u0000\"}")
                == "{\"userId\":\"a***\",\"x\u{FFFD}\":\"y\u{FFFD}\"}")
    }

    // MARK: Rejected bodies

    @Test func rejectedBodiesAreKeptAsText() {
        #expect(RejectedText.of(Array("a\u{0}b".utf8) + [0xFF], hiding: nil) == "a\u{FFFD}b\u{FFFD}")
        let long = RejectedText.of([UInt8](repeating: 0xC3, count: 100_000), hiding: nil)
        #expect(long.utf8.count <= RejectedBody.longest && long.utf8.count > RejectedBody.longest - 3)
        #expect(RejectedText.of([UInt8](repeating: 97, count: 100_000), hiding: nil).utf8.count == RejectedBody.longest)
        #expect(RejectedText.of([], hiding: nil) == "")
    }

    @Test(arguments: [
        "{\"email\":\"docs@example.com\",\"userId\":\"u-77\",",
        "[{\"email\":\"docs@example.com\",\"userId\":\"u-77\"}]",
        "email=docs%40example.com&userId=u-77&x=u-77",
        "{\"email\" : \"docs\\u0040example.com\" , \"user_id\" : \"u-77\"",
        "userId: u-77\n docs@example.com", "{\\\"userId\\\":\\\"u-77\\\",\\\"email\\\":\\\"docs@example.com\\\"}",
        "{'userId':'u-77','x':'docs@example.com u-77'}",
        "<docs@example.com>{\"userId\":\"u-77\"} again u-77 and DOCS@example.com",
        "{\"email\":\"docs@example.com", "{\"userId\":\"u-77",
    ])
    func identifiersAreHiddenInRejectedBodies(_ text: String) {
        for form in [LogSettings.Identifiers.masked, .hashed] {
            let kept = RejectedText.of(Array(text.utf8), hiding: IdentifierHiding(form, key: []))
            #expect(!kept.lowercased().contains("docs") && !kept.contains("u-77"), "\(kept)")
            #expect(kept.contains(form == .masked ? "***" : "hash:"), "\(kept)")
        }
    }

    // MARK: Long bodies

    private static let masking = IdentifierHiding(.masked, key: [])

    private func kept(_ text: String) -> String { RejectedText.of(Array(text.utf8), hiding: Self.masking) }

    /// Wherever the end of what is kept lies within an identifier, no part of it is seen.
    @Test func anIdentifierAtTheEndOfWhatIsKeptIsHidden() {
        for (identifier, head) in [("docs@example.com", "["), ("u-77", "userId=u-77;"), ("docs%40example.com", "[")] {
            for inside in 0...identifier.utf8.count {
                let before = head + String(repeating: " ", count: RejectedBody.longest - head.utf8.count - inside)
                let text = kept(before + identifier + " and more")
                #expect(!text.contains("u-") && !text.contains("do"), "\(inside): \(text.suffix(30))")
                #expect(text.utf8.count <= RejectedBody.longest)
            }
        }
    }

    /// What is hidden is often shorter than what stood there; nothing from behind comes in for it.
    @Test func whatIsBehindTheEndIsNotKept() {
        let many = String(repeating: "documents@example.com,", count: RejectedBody.longest / 22 + 1)
        let text = kept(many + String(repeating: "behind ", count: 20_000))
        #expect(!text.contains("behind") && text.hasPrefix("d***@example.com,d***@example.com,"), "\(text.suffix(40))")
    }

    /// A userId is known by its name also where that stands behind what is kept.
    @Test func aNameBehindTheEndCounts() {
        let text = kept("[u-77 " + String(repeating: "x", count: 100_000) + " userId=u-77")
        #expect(text.hasPrefix("[u*** xxx"), "\(text.prefix(40))")
    }

    @Test func whatNamesTooManyPeopleIsNotKept() {
        func body(_ count: Int, _ value: (Int) -> String) -> String {
            (0..<count).map { "{\"userId\":\"\(value($0))\"}" }.joined(separator: ",")
        }
        #expect(kept(body(200) { "u-\($0)" }).hasPrefix("{\"userId\":\"u***\"}"))
        #expect(kept(body(201) { "u-\($0)" }).isEmpty)
        #expect(kept(body(20) { "u-\($0)" + String(repeating: "x", count: 500) }).isEmpty)
        #expect(!kept(body(2) { _ in String(repeating: "x", count: 512) }).isEmpty)
        #expect(kept(body(2) { _ in String(repeating: "x", count: 513) }).isEmpty)
        #expect(!kept(body(2000) { _ in "u-1" }).isEmpty && kept(body(2001) { _ in "u-1" }).isEmpty)
        // Without anything to hide it is kept.
        #expect(!RejectedText.of(Array(body(201) { "u-\($0)" }.utf8), hiding: nil).isEmpty)
    }

    // MARK: Escapes before a userId

    @Test(arguments: [
        "=", "%3D", "%253D", "%3d", "%253d", "\\u003D", "\\u003d", "\\n", "\\t", "\\r", "\\b", "\\f", "\\\"", "\\/",
        "%2526",
    ])
    func aUserIDBehindAnEscapeIsHidden(_ separator: String) {
        let search = IdentifierSearch(["u-77"], Self.masking)
        func hidden(_ text: String) -> String? {
            search.replacing(Array(text.utf8)[...]).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(hidden("https://a/?x\(separator)u-77") == "https://a/?x\(separator)u***")
        #expect(hidden("\(separator)u-77&y=1") == "\(separator)u***&y=1")
    }

    @Test(arguments: ["a", "%61", "%2561", "\\u0061", "é", "%C3%A9"])
    func aUserIDWithinAWordStays(_ before: String) {
        let search = IdentifierSearch(["u-77"], Self.masking)
        #expect(search.replacing(Array("x=\(before)u-77".utf8)[...]) == nil)
    }

    @Test func ofSeveralIdentifiersTheLongestIsFound() {
        let search = IdentifierSearch(["u", "u-7", "u-77", "Ann@example.com"], Self.masking)
        let text = "u u-7 u-77 %75-77 ANN@EXAMPLE.COM %41nn%40example.com"
        let hidden = search.replacing(Array(text.utf8)[...]).map { String(decoding: $0, as: UTF8.self) }
        #expect(hidden == "u*** u*** u*** u*** A***@example.com A***%40example.com", "\(hidden ?? "")")
    }
}
