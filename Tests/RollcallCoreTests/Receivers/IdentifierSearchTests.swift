import Foundation
import SeededRandom
import Testing

@testable import RollcallCore

/// Identifiers of any length are found wherever they stand, in work that grows with the text alone.
@Suite(.timeLimit(.minutes(5))) struct IdentifierSearchTests {
    private static let masking = IdentifierHiding(.masked, key: [])

    private func payload(_ text: String, _ form: LogSettings.Identifiers = .masked) throws -> String {
        let event = try ReceivedBody(Array(text.utf8)).event(
            eventID: "id", receiver: "r", destination: "d", receivedAt: Date(timeIntervalSince1970: 0),
            hiding: IdentifierHiding(form, key: [UInt8](repeating: 7, count: 16)))
        return String(decoding: event.payload, as: UTF8.self)
    }

    // MARK: Long identifiers

    /// Each place of a text compared with the whole identifier, byte by byte.
    private func placesOneByOne(_ identifier: [UInt8], _ text: [UInt8], ignoresCase: Bool) -> [[Int]] {
        func folded(_ byte: UInt8) -> UInt8 {
            if byte == UInt8(ascii: "+") { return UInt8(ascii: " ") }
            return ignoresCase ? ASCII.lowercased(byte) : byte
        }
        return text.withUnsafeBytes { text in
            text.indices.compactMap { start -> [Int]? in
                var (place, isEncoded) = (start, false)
                for byte in identifier {
                    guard let (found, length) = IdentifierSearch.character(text, place), folded(found) == folded(byte)
                    else { return nil }
                    isEncoded = isEncoded || length > 1 && text[place] == UInt8(ascii: "%")
                    place += length
                }
                return [start, place, isEncoded ? 1 : 0]
            }
        }
    }

    /// Texts of few pieces, so that beginnings repeat and that escapes may be read in several ways.
    @Test func onePassFindsWhatComparingEachPlaceFinds() {
        let pieces = [
            "a", "A", "%61", "%2561", "\\u0061", "6", "1", "2", "5", "%31", "%36", "+", " ", "%2B", "%", "\\", "u",
            "0", "\\u0030", "%2536",
        ]
        var random = SeededGenerator(seed: 33)
        var hits = 0
        for round in 0..<20_000 {
            let chosen = pieces.shuffled(using: &random).prefix([2, 3, 5, 20][round % 4])
            let text = Array(
                (0..<random.next(below: 60) + 6).compactMap { _ in chosen.randomElement(using: &random) }.joined().utf8)
            // Something that stands there, read from any place on.
            var identifier: [UInt8] = []
            let wanted = random.next(below: 24) + 7
            var place = random.next(below: text.count)
            text.withUnsafeBytes { text in
                while identifier.count < wanted, let (byte, length) = IdentifierSearch.character(text, place) {
                    identifier.append(byte)
                    place += length
                }
            }
            if identifier.count < 7 { continue }
            let ignoresCase = round % 2 == 0
            let found = text.withUnsafeBytes {
                LongIdentifier(identifier, ignoresCase: ignoresCase).places(in: $0)
            }
            let expected = placesOneByOne(identifier, text, ignoresCase: ignoresCase)
            #expect(
                found.map { [$0.start, $0.end, $0.isEncoded ? 1 : 0] } == expected,
                "\(String(decoding: identifier, as: UTF8.self)) in \(String(decoding: text, as: UTF8.self))")
            hits += expected.count
        }
        #expect(hits > 10_000, "else this says little")
    }

    @Test func aLongIdentifierIsHiddenInEachFormAndAlone() throws {
        let name = String(repeating: "ab", count: 400)
        let (email, userID) = (name + "@example.com", name + "-7")
        let upper = email.uppercased()
        let escaped = email.replacing("@", with: "%40").replacing("b", with: "%2562")
        let hidden = try payload(
            """
            {"email":"\(email)","userId":"\(userID)","a":"mail \(upper), then \(email)\(email)","b":"?e=\(escaped)&u=\(userID)",
            "c":"x\(userID) \(userID)8 (\(userID))","\(email)":1,"d":"\(name)@example.co"}
            """)
        #expect(
            hidden == """
                {"email":"a***@example.com","userId":"a***","a":"mail a***@example.com, then a***@example.coma***@example.com",\
                "b":"?e=a***%40example.com&u=a***",
                "c":"x\(userID) \(userID)8 (a***)","a***@example.com":1,"d":"\(name)@example.co"}
                """)
    }

    /// Of two that begin alike the longer one is found, whichever way each is looked for.
    @Test func longAndShortIdentifiersAreFoundSideBySide() {
        let long = String(repeating: "u", count: IdentifierSearch.longestCompared + 1)
        let values = [long, long + "-1", String(long.dropLast()), "uu"]
        let search = IdentifierSearch(values, IdentifierHiding(.hashed, key: [UInt8](repeating: 1, count: 16)))
        let hiding = IdentifierHiding(.hashed, key: [UInt8](repeating: 1, count: 16))
        let text = values.joined(separator: " ")
        let hidden = search.replacing(Array(text.utf8)[...]).map { String(decoding: $0, as: UTF8.self) }
        #expect(hidden == values.map { hiding.of($0) }.joined(separator: " "))
    }

    /// Compared place by place, these would take hundreds of thousands of steps for each of as many places.
    @Test func manyBeginningsOfALongIdentifierTakeOnePass() throws {
        let email = String(repeating: "a", count: 300_000) + "@b.com"
        let text = String(repeating: "a", count: 500_000)
        for form in [LogSettings.Identifiers.masked, .hashed] {
            let hidden = try payload("{\"email\":\"\(email)\",\"t\":\"\(text)\",\"u\":\"\(text)@b.com\"}", form)
            #expect(hidden.contains("\"t\":\"\(text)\"") && !hidden.contains("a@b.com"))
        }
        let escapes = String(repeating: "%61", count: 150_000)
        let hidden = try payload("{\"email\":\"\(email)\",\"t\":\"\(escapes)\"}")
        #expect(hidden == "{\"email\":\"a***@b.com\",\"t\":\"\(escapes)\"}")
    }

    // MARK: Names

    /// All of these are one address, and so one masked name with numbers behind it.
    @Test func manyNamesThatAreHiddenAlikeAreCountedOn() throws {
        let count = 1 << 15
        let names = (0..<count).map { number in
            let letters = (0..<15).map { number >> $0 & 1 == 0 ? "a" : "A" }.joined()
            return "\"\(letters)@b.com\":\(number)"
        }
        let hidden = try ReceivedBody(
            Array(payload("{\"email\":\"aaaaaaaaaaaaaaa@b.com\",\(names.joined(separator: ","))}").utf8))
        let found = Set(hidden.sortedNames.map { hidden.text(hidden.nodes[Int($0)]) })
        let expected = ["email", "a***@b.com"] + (2...count).map { "a***@b.com#\($0)" }
        #expect(found == Set(expected) && hidden.sortedNames.count == expected.count)
    }

    @Test func aNumberThatIsTakenIsPassedOver() throws {
        let hidden = try payload(
            """
            {"email":"ab@e.com","AB@e.com":1,"Ab@e.com":2,"ab@e.com":3,"a***@e.com#2":4,"ab@e.com#3":5}
            """)
        let names = try ReceivedBody(Array(hidden.utf8))
        #expect(names.sortedNames.count == 6, "\(hidden)")
        #expect(hidden.contains("\"a***@e.com#2\":4"), "\(hidden)")
    }

    // MARK: Hashes of one address

    @Test func aHashIsTheSameInAnyCase() throws {
        let hiding = IdentifierHiding(.hashed, key: [UInt8](repeating: 7, count: 16))
        #expect(hiding.inAnyCase("Docs@Example.COM") == hiding.of("docs@example.com"))
        // Of a userId, case is a difference.
        #expect(hiding.inAnyCase("U-1") == hiding.of("U-1") && hiding.inAnyCase("U-1") != hiding.inAnyCase("u-1"))
        #expect(hiding.inAnyCase("@A") == hiding.of("@A") && hiding.inAnyCase("A@") == hiding.of("A@"))
        #expect(Self.masking.inAnyCase("Docs@Example.COM") == "D***@Example.COM")
        let one = try payload("{\"email\":\"A@e.com\"}", .hashed)
        #expect(try payload("{\"email\":\"a@E.com\"}", .hashed) == one)
        let rejected = RejectedText.of(Array("mail A@e.com email=B@e.com".utf8), hiding: hiding)
        #expect(rejected == "mail \(hiding.of("a@e.com")) email=\(hiding.of("b@e.com"))")
    }
}
