import Foundation
import IterableProtocol
import RollcallCore

/// One event, as a request has it.
struct EventWrite {
    var id: String
    var content: EventContent
    var makesFields: Bool

    /// nil: it is not one.
    init?(_ json: [UInt8]) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(json)) as? [String: Any] else { return nil }
        self.init(object)
    }

    init?(_ object: [String: Any]) {
        guard let id = object["id"] as? String, let name = object["eventName"] as? String,
            let makesFields = object["createNewFields"] as? Bool
        else { return nil }
        self.id = id
        self.makesFields = makesFields
        content = EventContent(
            email: object["email"] as? String, userID: object["userId"] as? String, name: name,
            createdAt: (object["createdAt"] as? NSNumber)?.int64Value)
        for (field, value) in object["dataFields"] as? [String: Any] ?? [:] {
            content.fields[field] = (value as? String).map { "\"\($0)\"" } ?? "\(value)"
        }
    }
}

/// A request that tracks events, one or several.
final class EventsCall: SimulatedCall {
    let writes: [EventWrite]
    let node: Node
    var stray: Int?
    /// Why events were not taken, by position, as the answer says it.
    private(set) var refusals: [Int: String] = [:]
    private let isSingle: Bool
    private var number = 0
    private let events: SimulatedEvents

    /// nil for a body that cannot be read.
    /// - Parameter count: how many events it is to have.
    init?(_ body: [UInt8], count: Int, isSingle: Bool, _ node: Node, _ events: SimulatedEvents) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any] else { return nil }
        let objects = isSingle ? [object] : object["events"] as? [[String: Any]] ?? []
        writes = objects.compactMap { EventWrite($0) }
        self.isSingle = isSingle
        self.node = node
        self.events = events
        if writes.isEmpty || writes.count != count { return nil }
    }

    /// Its place among all requests.
    var order: Int { stray ?? number }

    var summary: String { "track " + writes.map { "\($0.id.prefix(9)) \($0.content.summary)" }.joined(separator: "; ") }
    var count: Int { writes.count }

    private var oracle: EventOracle { node.history.tracks }

    func isSent(number: Int) {
        self.number = number
        oracle.isSent(self, number: number)
    }

    func land(after delay: Duration) { events.landLater(self, after: delay) }
    func hasEnded(number: Int, _ failures: Set<Int>) { oracle.hasEnded(self, number: number, failures) }

    func means(isAnswered: Bool, _ failures: Set<Int>) {
        if isAnswered { oracle.isAcknowledged(self, except: failures) }
    }

    func isClassified(_ meaning: DeliveryAnswer) {
        switch meaning {
        case .answered, .refused: oracle.isClear(self)
        case .ambiguous, .retry(_, after: _, mayHaveBeenApplied: true, cause: _): oracle.isUnclear(self)
        default: break
        }
    }

    /// Its time was up, and it is carried out all the same.
    func lands() {
        oracle.lands(self)
        _ = carryOut(sparing: [])
    }

    private func carryOut(sparing spared: Set<Int>) -> [Int: String] {
        var refusals: [Int: String] = [:]
        for (position, write) in writes.enumerated() where !spared.contains(position) {
            if let refusal = events.refusal(of: write.content) {
                refusals[position] = refusal
            } else {
                oracle.isCarriedOut(write, instead: events.write(write), self)
            }
        }
        return refusals
    }

    // MARK: Answers

    func answer(_ fault: Fault?, _ dice: inout Dice) -> (SimulatedReply, Set<Int>) {
        let everyone = Set(writes.indices)
        let spared = spared(fault, &dice)
        var refusals = carryOut(sparing: spared)
        for refusal in refusals.values.sorted() { node.history.oracle.saw("iterable says \(refusal) of an event") }
        if fault != .unnamedFailure { for position in spared { refusals[position] = "invalid" } }
        self.refusals = refusals
        let unnamed = fault == .unnamedFailure ? spared.count : 0
        let body = isSingle ? answerOfOne(&dice) : answerOfAll(unnamed: unnamed, &dice)
        let failed = spared.union(refusals.keys)
        switch fault {
        case .lostAfter: return (.failure(.noAnswer, "connection_lost"), everyone)
        case .serverErrorApplied: return (.answer(status: 500, body: Array("{}".utf8)), everyone)
        case .truncated: return (.answer(status: 200, body: Array(body.1.prefix(dice.below(body.1.count)))), failed)
        case .notJSON: return (.answer(status: 200, body: Array("<html>Welcome</html>".utf8)), failed)
        case .emptyAnswer: return (.answer(status: 200, body: []), failed)
        case .countsMismatch where !isSingle:
            let counts = #"{"successCount":\#(count == 1 ? 1 : 0),"failCount":\#(dice.between(1, 9))}"#
            return (.answer(status: 200, body: Array(counts.utf8)), failed)
        default: return (.answer(status: body.0, body: body.1), failed)
        }
    }

    /// Events that are not carried out by a fault: with one of a person, all of the person's.
    private func spared(_ fault: Fault?, _ dice: inout Dice) -> Set<Int> {
        guard fault == .someInvalidData || fault == .someNamedTwice || fault == .unnamedFailure else { return [] }
        // An answer that counts failures of both kinds without saying which has two meanings.
        let isDisallowed = writes.contains { events.refusal(of: $0.content) == SimulatedEvents.disallowed }
        if fault == .unnamedFailure && (isSingle || isDisallowed) { return [] }
        var people: [String: Bool] = [:]
        for write in writes where people[write.content.person] == nil {
            people[write.content.person] = fault == .someNamedTwice || dice.chance(40)
        }
        return Set(writes.indices.filter { people[writes[$0].content.person] == true })
    }

    private func answerOfOne(_ dice: inout Dice) -> (Int, [UInt8]) {
        let content = writes[0].content
        let isEmail = content.userID == nil
        func envelope(_ status: Int, _ code: String, _ message: String) -> (Int, [UInt8]) {
            (status, Array(#"{"msg":"\#(message)","code":"\#(code)","params":null}"#.utf8))
        }
        guard let refusal = refusals[0] else {
            return envelope(200, "Success", "Event with id: \(writes[0].id) tracked.")
        }
        switch refusal {
        case SimulatedEvents.disallowed:
            return envelope(200, "Success", "Event \(content.name) is disallowed from tracking")
        case SimulatedEvents.notFound:
            let kind = isEmail ? "Email" : "UserId"
            return dice.chance(50)
                ? envelope(400, "Unknown\(kind)Error", "Unknown \(kind)")
                : envelope(400, "BadParams", "User does not exist. \(kind): x")
        case "forgotten": return envelope(409, "ForgottenUserError", "User has been forgotten")
        default: return envelope(400, isEmail ? "InvalidEmailAddressError" : "InvalidUserIdError", "Invalid")
        }
    }

    /// It names people and names, and no event.
    private func answerOfAll(unnamed: Int, _ dice: inout Dice) -> (Int, [UInt8]) {
        var lists: [String: [String]] = [:]
        var disallowed: [String] = []
        for (position, refusal) in refusals.sorted(by: { $0.key < $1.key }) {
            let content = writes[position].content
            if refusal == SimulatedEvents.disallowed {
                if !disallowed.contains(content.name) { disallowed.append(content.name) }
                continue
            }
            // In whichever case it pleases, and as often.
            let name = dice.chance(30) && content.userID == nil ? content.person.uppercased() : content.person
            let list = refusal + (content.userID == nil ? "Emails" : "UserIds")
            if lists[list]?.contains(name) != true || dice.chance(50) { lists[list, default: []].append(name) }
        }
        let isCounted = node.history.scenario.tracks?.countsDisallowed == true
        let failures = refusals.values.count { isCounted || $0 != SimulatedEvents.disallowed } + unnamed
        let named = lists.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\(Self.array($0.value))" }
        // At the top level, this list has those who were not found.
        let top = lists["notFoundUserIds"].map { #""invalidUserIds":\#(Self.array($0)),"# } ?? ""
        let body =
            #"{"successCount":\#(count - failures),"failCount":\#(failures),"createdFields":[],"#
            + #""filteredOutFields":[],"disallowedEventNames":\#(Self.array(disallowed)),"#
            + top + #""failedUpdates":{\#(named.joined(separator: ","))}}"#
        return (200, Array(body.utf8))
    }

    private static func array(_ texts: [String]) -> String {
        "[" + texts.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    }
}
