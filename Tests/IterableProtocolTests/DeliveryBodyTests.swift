import Foundation
import Testing

@testable import IterableProtocol
@testable import RollcallCore

@Suite struct DeliveryBodyTests {
    private func body(_ request: ListRequest) -> String {
        var bytes: [UInt8] = []
        ListBody.write(request, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func subscribeNamesEveryIdentifier() {
        let people = [
            Samples.anna, Identity(email: "b@example.com", userID: nil), Identity(email: nil, userID: "u 3"),
        ]
        #expect(
            body(Samples.request(.subscribe, people))
                == #"{"listId":42,"subscribers":[{"email":"anna@example.com","userId":"u-1"},"#
                + #"{"email":"b@example.com"},{"userId":"u 3"}]}"#)
    }

    @Test func updateExistingUsersOnlyStandsOnlyWhereItIsTrue() {
        #expect(
            body(Samples.request(.subscribe, [Samples.anna], updateExistingUsersOnly: true))
                == #"{"listId":42,"updateExistingUsersOnly":true,"#
                + #""subscribers":[{"email":"anna@example.com","userId":"u-1"}]}"#)
    }

    @Test func preferUserIDStandsWithEveryUserID() {
        var request = Samples.request(
            .subscribe, [Identity(email: nil, userID: "u-1"), Identity(email: "b@example.com", userID: nil)])
        request.preferUserID = true
        #expect(
            body(request)
                == #"{"listId":42,"subscribers":[{"userId":"u-1","preferUserId":true},{"email":"b@example.com"}]}"#)
    }

    @Test func unsubscribeNamesOneIdentifierAndNeverLeavesTheChannel() {
        var request = Samples.request(
            .unsubscribe, [Samples.anna, Identity(email: "b@example.com", userID: nil)], updateExistingUsersOnly: true)
        request.preferUserID = true
        #expect(
            body(request)
                == #"{"listId":42,"channelUnsubscribe":false,"subscribers":[{"userId":"u-1"},"#
                + #"{"email":"b@example.com"}]}"#)
    }

    @Test func extremeListIDs() {
        var request = Samples.request(.unsubscribe, [Identity(email: nil, userID: "x")])
        request.listID = .min
        #expect(body(request).hasPrefix(#"{"listId":-9223372036854775808,"channelUnsubscribe":false"#))
    }

    @Test func everyByteIsEscapedAsJSONAsks() throws {
        let ascii = String(decoding: (0...127).map { UInt8($0) }, as: UTF8.self)
        let wide = "é\u{2028}😀\u{0}\u{7F}"
        let request = Samples.request(.subscribe, [Identity(email: ascii, userID: wide)])
        let text = body(request)
        #expect(text.contains(#"\u0000\u0001"#))
        #expect(text.contains(##"!\"#"##))
        #expect(text.contains(#"[\\]"#))
        let decoded = try JSONDecoder().decode(Sent.self, from: Data(text.utf8))
        #expect(Array(decoded.subscribers[0].email.utf8) == Array(ascii.utf8))
        #expect(Array(decoded.subscribers[0].userId.utf8) == Array(wide.utf8))
    }

    private struct Sent: Decodable {
        struct Person: Decodable {
            var email: String
            var userId: String
        }
        var subscribers: [Person]
    }

    @Test func sizesAreUpperBounds() {
        let people = [
            Samples.anna, Identity(email: "\"\\\u{1}é", userID: nil), Identity(email: nil, userID: "\u{1F}\"x\\"),
            Identity(email: String(repeating: "a", count: 254), userID: String(repeating: "\"", count: 52)),
        ]
        for operation in RecordKind.list.operations {
            for preferUserID in [false, true] {
                for count in 1...people.count {
                    var request = Samples.request(
                        operation, Array(people.prefix(count)), updateExistingUsersOnly: true)
                    request.preferUserID = preferUserID
                    request.listID = .min
                    let bound = people.prefix(count).reduce(ListBody.envelopeBytes) {
                        $0 + ListBody.size(of: $1, operation: operation)
                    }
                    let actual = body(request).utf8.count
                    #expect(actual <= bound)
                    #expect(bound - actual <= 128 + 20 * count)
                }
            }
        }
    }
}
