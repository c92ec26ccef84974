import Foundation
import RollcallCore
import Testing

@testable import IterableProtocol

/// Whether an item as Iterable gives it is what was put.
@Suite struct ItemAnswerTests {
    private static let put = """
        {"at":"2026-07-01 10:00:00 +00:00","day":"2026-02-28","big":9007199254740993,"price":3.0,"live":true,"title":"Pen",\
        "tags":["a",1,2.50],"more":{"x":null,"y":[{}]},"home_geo_location":{"lat":52.5,"lon":-13.25},"gone":null}
        """

    private func finding(
        _ value: String, put: String = ItemAnswerTests.put, keepsOtherFields: Bool = false, status: Int = 200,
        envelope: (String) -> String = { "{\"catalogName\":\"c\",\"itemId\":\"a\",\"size\":3,\"value\":\($0)}" }
    ) -> ItemFinding? {
        ItemAnswer.finding(
            Samples.answer(status, envelope(value)), document: Array(put.utf8), keepsOtherFields: keepsOtherFields)
    }

    @Test func theSameContentMayBeWrittenInAnotherWay() {
        #expect(finding(Self.put) == .same)
        #expect(
            finding(Self.put, envelope: { "{\"msg\":\"\",\"code\":\"Success\",\"params\":{\"value\":\($0)}}" }) == .same
        )
        let other = """
            {"title":"Pen","home_geo_location":{"lon":-13.25,"lat":52.50},"more":{"y":[{}]},"tags":["a",1.0,2.5],"live":true,\
            "price":3,"big":9007199254740993,"day":"2026-02-28T00:00:00.000Z","at":"2026-07-01T12:00:00+02:00","extra":null}
            """
        #expect(finding(other) == .same)
    }

    @Test(arguments: [
        (#""title":"Pen""#, #""title":"pen""#), (#""big":9007199254740993"#, #""big":9007199254740992"#),
        (#""price":3.0"#, #""price":3.01"#), (#""price":3.0"#, #""price":"3.0""#), (#""live":true"#, #""live":1"#),
        (#""live":true"#, #""live":false"#), (#""live":true,"#, ""), (#"["a",1,2.50]"#, #"["a",2.50,1]"#),
        (#"["a",1,2.50]"#, #"["a",1]"#), (#""y":[{}]"#, #""y":[{}],"z":1"#), (#""gone":null"#, #""gone":"x""#),
        ("2026-02-28", "2026-03-01"), ("10:00:00 +00:00", "10:00:01 +00:00"), (#""gone":null"#, #""other":1"#),
    ])
    func otherContentDiffers(_ part: String, _ other: String) {
        #expect(Self.put.contains(part))
        #expect(finding(Self.put.replacing(part, with: other)) == .differs)
    }

    @Test func fieldsOfOthersMayBeThereWhereTheyAreKept() {
        let more = Self.put.replacing(#""gone":null"#, with: #""stock":7"#)
        #expect(finding(more) == .differs)
        #expect(finding(more, keepsOtherFields: true) == .same)
        #expect(finding(Self.put.replacing(#""gone":null"#, with: #""gone":1"#), keepsOtherFields: true) == .differs)
        let nested = Self.put.replacing(#""y":[{}]"#, with: #""y":[{}],"z":1"#)
        #expect(finding(nested, keepsOtherFields: true) == .differs, "an object is replaced as a whole")
    }

    /// Swift takes an é of one character and of two for equal; Iterable does not.
    @Test func textsAreComparedByTheirBytes() {
        #expect(finding("{\"a\":\"\u{E9}\"}", put: "{\"a\":\"e\u{301}\"}") == .differs)
    }

    @Test func anItemThatIsNotThere() {
        let body = #"{"error":"NotFound","message":"x","code":"error.catalogs.itemNotFound"}"#
        #expect(finding("", status: 404, envelope: { _ in body }) == .missing)
    }

    @Test(arguments: ["", "<html>", "[]", #"{"value":"#]) func aPageOfAProxyIsNoAnswer(_ body: String) {
        for status in [200, 404] { #expect(finding("", status: status, envelope: { _ in body }) == nil) }
    }

    @Test(arguments: ["{}", #"{"value":[]}"#, #"{"params":{}}"#]) func anItemWithoutContentIsNoAnswer(_ body: String) {
        #expect(finding("", envelope: { _ in body }) == nil)
    }
}
