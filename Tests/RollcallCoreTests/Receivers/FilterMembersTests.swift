import Foundation
import SeededRandom
import Testing

@testable import RollcallCore

/// Filters look at a body before it is parsed whole; what they decide is what the parsed body would have decided.
@Suite struct FilterMembersTests {
    /// What is known of a body before or after it is parsed whole.
    private struct Reading: Equatable {
        var problem: BodyProblem?
        var eventName: String?
        var hasUserID = false
    }

    private static func early(_ bytes: [UInt8]) -> Reading {
        do throws(BodyProblem) {
            let members = try FilterMembers(bytes)
            return Reading(eventName: members.eventName, hasUserID: members.hasUserID)
        } catch {
            return Reading(problem: error)
        }
    }

    /// By the columns of the row that is made of the body.
    private static func late(_ bytes: [UInt8]) -> Reading {
        do throws(BodyProblem) {
            let event = try ReceivedBody(bytes).event(
                eventID: "id", receiver: "r", destination: nil, receivedAt: Date(timeIntervalSince1970: 0), hiding: nil)
            return Reading(eventName: event.eventName, hasUserID: event.userID != nil)
        } catch {
            return Reading(problem: error)
        }
    }

    private static func receiver(
        _ events: ReceiverSettings.Events, requiresUserID: Bool = false
    ) -> ReceiverSettings {
        ReceiverSettings(name: "r", path: "/r", warehouse: "w", events: events, requiresUserID: requiresUserID)
    }

    @Test(
        arguments: [
            ("{\"eventName\":\"x\",\"userId\":null}", "x", false), ("{\"userId\":\"u\"}", nil, true),
            ("{\"eventName\":\"\",\"userId\":\"\"}", nil, false), ("{\"eventName\":5,\"userId\":7}", nil, false),
            ("{\"eventName\":[\"x\"],\"userId\":{\"userId\":\"u\"}}", nil, false),
            ("{\"dataFields\":{\"eventName\":\"x\",\"userId\":\"u\"}}", nil, false),
            ("{\"a\":[{\"eventName\":\"x\"},\"eventName\"],\"b\":\"userId\",\"c\":\"u\"}", nil, false),
            ("{\"event\\u004eame\":\"\\u0078\",\"\\u0075serId\":\"\\u0000\"}", "x", true),
            ("{\"a\":{\"eventName\":\"no\"},\"eventName\":\"a\\u0000é\\n\"}", "a\u{FFFD}é\n", false),
            ("{\"EventName\":\"x\",\"userid\":\"u\",\"eventName \":\"y\",\"userId\\u0000\":\"u\"}", nil, false),
            ("{\"eventName\":{},\"x\":\"y\"}", nil, false), ("{}", nil, false),
        ] as [(String, String?, Bool)])
    func membersOfTheOutermostObjectCount(_ text: String, _ name: String?, _ hasUserID: Bool) {
        let reading = Self.early(Array(text.utf8))
        #expect(reading == Reading(eventName: name, hasUserID: hasUserID))
        #expect(reading == Self.late(Array(text.utf8)))
    }

    /// Whatever stands behind the member that decides.
    @Test(
        arguments: [
            ("{\"eventName\":\"emailSend\",}", .notJSON), ("{\"eventName\":\"emailSend\"", .notJSON),
            ("{\"eventName\":\"emailSend\"} x", .notJSON), ("{\"eventName\":\"emailSend\",\"a\":\"\u{0}\"}", .notJSON),
            ("{\"eventName\":\"emailSend\",\"eventName\":\"emailOpen\"}", .repeatedMember),
            ("{\"eventName\":\"emailSend\",\"event\\u004Eame\":1}", .repeatedMember),
            ("{\"eventName\":\"emailSend\",\"a\":[{\"b\":{\"c\":1,\"d\":2,\"c\":3}}]}", .repeatedMember),
            ("{\"eventName\":\"emailSend\",\"a\":\"\\ud800\"}", .loneSurrogate),
            ("[{\"eventName\":\"emailSend\"}]", .notAnObject), ("\"emailSend\"", .notAnObject),
            ("{\"eventName\":\"emailSend\",\"a\":" + String(repeating: "[", count: 100), .tooDeep),
        ] as [(String, BodyProblem)])
    func aBodyThatIsNoEventIsRefusedBeforeItIsLeftOut(_ text: String, _ problem: BodyProblem) {
        #expect(Self.early(Array(text.utf8)) == Reading(problem: problem))
        #expect(throws: problem) {
            try Self.receiver(.named(["emailOpen"], unknown: false)).omission(of: Array(text.utf8))
        }
    }

    @Test func whatIsNotUTF8IsRefusedBeforeItIsLeftOut() {
        let bytes = Array("{\"eventName\":\"emailSend\",\"a\":\"".utf8) + [0xC3] + Array("\"}".utf8)
        #expect(Self.early(bytes) == Reading(problem: .notUTF8))
    }

    @Test func withoutFiltersNoBodyIsLookedAt() throws {
        #expect(try Self.receiver(.all).omission(of: Array("no JSON".utf8)) == nil)
    }

    /// Valid bodies and broken ones, with the members that filters look at in every form and place.
    @Test func whatIsDecidedEarlyIsWhatTheParsedBodyWouldHaveDecided() {
        var bodies = RandomBodies(seed: 42)
        var (problems, decisions): (Set<BodyProblem>, [ReceiverOutcome?: Int]) = ([], [:])
        let receivers = [
            Self.receiver(.named(["emailOpen"], unknown: false)), Self.receiver(.named([], unknown: true)),
            Self.receiver(.all, requiresUserID: true),
            Self.receiver(.named(["emailOpen", "é"], unknown: true), requiresUserID: true),
        ]
        for _ in 0..<10_000 {
            let body = bodies.next()
            let late = Self.late(body)
            let shown = String(decoding: body, as: UTF8.self)
            #expect(Self.early(body) == late, "\(shown)")
            if let problem = late.problem { problems.insert(problem) }
            for receiver in receivers {
                let early = Result { () throws(BodyProblem) in try receiver.omission(of: body) }
                var expected = Result<ReceiverOutcome?, BodyProblem>.success(nil)
                if let problem = late.problem {
                    expected = .failure(problem)
                } else if !receiver.events.includes(late.eventName) {
                    expected = .success(.filtered)
                } else if receiver.requiresUserID && !late.hasUserID {
                    expected = .success(.withoutUser)
                }
                #expect(early == expected, "\(shown)")
                if case .success(let decision) = early { decisions[decision, default: 0] += 1 }
            }
        }
        #expect(problems == Set(BodyProblem.allCases))
        for decision in [nil, .filtered, .withoutUser] as [ReceiverOutcome?] {
            #expect(decisions[decision] ?? 0 > 1000, "\(decisions)")
        }
    }
}

/// Bodies as they might come, and what is left of them after a few changes.
private struct RandomBodies {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func next() -> [UInt8] {
        var body = Array((random.next(below: 40) == 0 ? value(0) : object(0)).utf8)
        if random.next(below: 3) > 0 { return body }
        for _ in 0...random.next(below: 2) where !body.isEmpty {
            let place = random.next(below: body.count)
            switch random.next(below: 4) {
            case 0: body.removeSubrange(place...)
            case 1: body.remove(at: place)
            case 2: body.insert(pick(Array("\"\\{}[]:,u0 ".utf8) + [0, 0x80, 0xC3, 0xED, 0xFF]), at: place)
            default: body[place] = body[random.next(below: body.count)]
            }
        }
        return body
    }

    private mutating func pick<T>(_ choices: [T]) -> T { choices[random.next(below: choices.count)] }

    private mutating func object(_ depth: Int) -> String {
        // Few names, so that now and then one comes twice; rarely more than are sorted by insertion.
        let count = random.next(below: 60) == 0 ? 30 : random.next(below: 6)
        let members = (0..<count).map { number in
            let name = count == 30 ? quoted("a\(number * 7 % 30)") : name()
            return blank() + name + blank() + ":" + value(depth + 1)
        }
        return blank() + "{" + members.joined(separator: ",") + blank() + "}" + blank()
    }

    private mutating func value(_ depth: Int) -> String {
        switch random.next(below: depth > 3 ? 8 : 11) {
        case 0: return pick(["1", "-2.5e3", "0", "123456789012345678901234567890"])
        case 1: return pick(["true", "false", "null"])
        case 2 where random.next(below: 20) == 0:
            let levels = 95 + random.next(below: 10)
            return String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        case 8: return "[" + (0..<random.next(below: 4)).map { _ in value(depth + 1) }.joined(separator: ",") + "]"
        case 9, 10: return object(depth)
        default: return quoted(pick(["emailOpen", "emailClick", "emailOpen", "brandNew", "", "é", "a\u{0}b", "\"\\"]))
        }
    }

    private mutating func name() -> String {
        let name = pick([
            "eventName", "eventName", "eventName", "userId", "userId", "eventname", "userId ", "dataFields", "a", "é",
            "",
            "campaignId", "campaignName", "campaign", "emailOpen", "\u{0}",
        ])
        return quoted(name)
    }

    /// In quotes, any of its characters as an escape, rarely with half a surrogate pair.
    private mutating func quoted(_ text: String) -> String {
        let escapes = random.next(below: 4) == 0
        let characters = text.utf16.map { unit -> String in
            let scalar = Unicode.Scalar(unit).map { String($0) } ?? "?"
            let isSpecial = unit < 0x20 || scalar == "\"" || scalar == "\\"
            guard isSpecial || escapes && random.next(below: 3) == 0 else { return scalar }
            let digits = String(unit, radix: 16, uppercase: random.next(below: 2) == 0)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        let half = random.next(below: 400) == 0 ? "\\ud800" : ""
        return "\"" + characters.joined() + half + "\""
    }

    private mutating func blank() -> String { pick(["", "", "", " ", "\n\t"]) }
}
