import Foundation
import SeededRandom
import Testing

@testable import IterableProtocol
@testable import RollcallCore

/// Request bodies read back by another parser.
@Suite struct HostileBodyTests {
    private static func text(_ random: inout SeededGenerator) -> String {
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...30, using: &random) {
            let range: ClosedRange<UInt32> =
                switch Int.random(in: 0...4, using: &random) {
                case 0: 0...0x1f
                case 1: 0x20...0x7f
                case 2: 0x80...0x2fff
                case 3: 0xe000...0xffff
                default: 0x1_0000...0x10_ffff
                }
            if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) { scalars.append(scalar) }
            if Int.random(in: 0...5, using: &random) == 0 { scalars.append(contentsOf: "\"\\/\u{2028}".unicodeScalars) }
        }
        return String(scalars)
    }

    @Test func everyTextComesThroughByteByByte() throws {
        var random = SeededGenerator(seed: 31)
        for _ in 0..<1_500 {
            let operation = RecordKind.list.operations[Int.random(in: 0...1, using: &random)]
            let people = (0...Int.random(in: 0...3, using: &random)).map { _ in
                Identity(email: Self.text(&random), userID: Bool.random(using: &random) ? Self.text(&random) : nil)
            }
            var request = Samples.request(operation, people)
            request.listID = Int64.random(in: .min ... .max, using: &random)
            var bytes: [UInt8] = []
            ListBody.write(request, into: &bytes)
            let bound = people.reduce(ListBody.envelopeBytes) {
                $0 + ListBody.size(of: $1, operation: operation)
            }
            #expect(bytes.count <= bound)
            let object = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
            #expect((object["listId"] as? NSNumber)?.int64Value == request.listID)
            #expect(object["channelUnsubscribe"] as? Bool == (operation == .unsubscribe ? false : nil))
            let read = try #require(object["subscribers"] as? [[String: Any]])
            try #require(read.count == people.count)
            for (person, found) in zip(people, read) {
                let sent = ListBody.sent(person, operation: operation)
                #expect((found["email"] as? String).map { Array($0.utf8) } == sent.email.map { Array($0.utf8) })
                #expect((found["userId"] as? String).map { Array($0.utf8) } == sent.userID.map { Array($0.utf8) })
            }
        }
    }
}
