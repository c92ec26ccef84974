import Foundation
import IterableProtocol
import RollcallCore

/// The object of one person, as a request has it.
struct ProfileWrite: Equatable {
    var content: ProfileContent
    /// Whether the email is a field of the profile, and does not stand at the top.
    var emailIsField: Bool
    var merges: Bool

    /// nil: it is not one.
    init?(_ json: [UInt8]) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(json)) as? [String: Any] else { return nil }
        self.init(object)
    }

    init?(_ object: [String: Any]) {
        guard let fields = object["dataFields"] as? [String: Any], let merges = object["mergeNestedObjects"] as? Bool
        else { return nil }
        self.merges = merges
        let field = fields["email"] as? String
        emailIsField = field != nil
        content = ProfileContent(email: field ?? object["email"] as? String, userID: object["userId"] as? String)
        for (name, value) in fields where name != "email" {
            if let members = value as? [String: Any] {
                for (member, value) in members { content.values["\(name).\(member)"] = Self.text(value) }
            } else {
                content.values[name] = Self.text(value)
            }
        }
    }

    private static func text(_ value: Any) -> String {
        if value is NSNull { return ProfileContent.null }
        if let text = value as? String { return "\"\(text)\"" }
        return "\(value)"
    }
}

/// A request that makes or updates profiles.
final class UsersCall: ProfileCall {
    let writes: [ProfileWrite]
    /// The keys of the records, in the same order.
    let keys: [String]
    let makesFields: Bool
    /// Whether it is about people who left.
    let clears: Bool
    let node: Node
    var stray: Int?
    private var number = 0
    private let profiles: SimulatedProfiles

    /// nil for a body that cannot be read.
    init?(_ sent: UsersRequest, _ body: [UInt8], _ node: Node, _ profiles: SimulatedProfiles) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
            let users = object["users"] as? [[String: Any]], let makesFields = object["createNewFields"] as? Bool
        else { return nil }
        let writes = users.compactMap { ProfileWrite($0) }
        guard !writes.isEmpty, writes.count == sent.people.count else { return nil }
        self.writes = writes
        self.makesFields = makesFields
        clears = sent.operation == .clear
        self.node = node
        self.profiles = profiles
        keys = writes.map { node.history.clients.key(of: $0.content, node) }
    }

    /// Its place among all requests.
    var order: Int { stray ?? number }

    var summary: String {
        let records = zip(keys, writes).map { "\($0) \($1.content.summary)" }
        return "update\(makesFields ? " with new fields" : "") \(records.joined(separator: "; "))"
    }

    var count: Int { writes.count }

    private var oracle: ProfileOracle { node.history.clients }

    func isSent(number: Int) {
        self.number = number
        oracle.isSent(self, number: number)
    }

    func land(after delay: Duration) { profiles.landLater(self, after: delay) }
    func hasEnded(number: Int, _ failures: Set<Int>) { oracle.hasEnded(number: number) }

    func means(isAnswered: Bool, _ failures: Set<Int>) {
        if isAnswered { oracle.isAcknowledged(self, except: failures) }
    }

    /// Its time was up, and it is carried out all the same.
    func lands() {
        oracle.lands(self)
        for effect in carryOut(sparing: []).values { oracle.hasHappened(effect) }
    }

    private func carryOut(sparing spared: Set<Int>) -> [Int: SimulatedProfiles.Effect] {
        var effects: [Int: SimulatedProfiles.Effect] = [:]
        for (position, write) in writes.enumerated() where !spared.contains(position) {
            let effect = profiles.carryOut(write, by: keys[position], makesFields: makesFields)
            if effect.isNew {
                if clears { oracle.violated("a profile is made of \(write.content.identity), who left") }
                oracle.judgeNew(write.content, of: keys[position])
            }
            effects[position] = effect
        }
        return effects
    }

    func answer(_ fault: Fault?, _ dice: inout Dice) -> (SimulatedReply, Set<Int>) {
        let everyone = Set(writes.indices)
        var spared: Set<Int> = []
        if fault == .someInvalidData || fault == .someNamedTwice || fault == .unnamedFailure {
            for position in writes.indices where fault == .someNamedTwice || dice.chance(40) {
                spared.insert(position)
            }
        }
        let effects = carryOut(sparing: spared)
        var refusals: [Int: SimulatedProfiles.Refusal] = [:]
        var leftOut: Set<String> = []
        for (position, effect) in effects {
            oracle.hasHappened(effect)
            refusals[position] = effect.refusal
            leftOut.formUnion(effect.leftOut)
            if effect.refusal?.word == "conflict" { oracle.hasConflict(writes[position].content) }
        }
        if fault != .unnamedFailure {
            for position in spared { refusals[position] = SimulatedProfiles.Refusal(word: "invalidData") }
        }
        let unnamed = fault == .unnamedFailure ? spared.count : 0
        let body = answerBody(refusals, unnamed: unnamed, leftOut.sorted(), &dice)
        // An answer vouches for no record that was refused, whether or not it names the record.
        let failed = spared.union(refusals.keys)
        switch fault {
        case .lostAfter: return (.failure(.noAnswer, "connection_lost"), everyone)
        case .serverErrorApplied: return (.answer(status: 500, body: Array("{}".utf8)), everyone)
        case .truncated: return (.answer(status: 200, body: Array(body.prefix(dice.below(body.count)))), failed)
        case .notJSON: return (.answer(status: 200, body: Array("<html>Welcome</html>".utf8)), failed)
        case .emptyAnswer: return (.answer(status: 200, body: []), failed)
        case .countsMismatch:
            let counts = #"{"successCount":\#(count == 1 ? 1 : 0),"failCount":\#(dice.between(1, 9))}"#
            return (.answer(status: 200, body: Array(counts.utf8)), failed)
        case .someNamedTwice: return (.answer(status: 200, body: everybodyTwice), everyone)
        default: return (.answer(status: 200, body: body), failed)
        }
    }

    // MARK: The body of an answer

    private func answerBody(
        _ refusals: [Int: SimulatedProfiles.Refusal], unnamed: Int, _ leftOut: [String], _ dice: inout Dice
    ) -> [UInt8] {
        var lists: [String: [String]] = [:]
        for (position, refusal) in refusals.sorted(by: { $0.key < $1.key }) {
            var name = ownName(of: position)
            // Of a conflict, the identifier that is in the way, which may be that of another profile.
            if let owner = refusal.owner, dice.chance(50) { name = owner }
            let isEmail = name.contains("@")
            // In whichever case it pleases.
            if isEmail && dice.chance(30) { name = name.uppercased() }
            lists[refusal.word + (isEmail ? "Emails" : "UserIds"), default: []].append(name)
        }
        let named = lists.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\(Self.array($0.value))" }
            .joined(separator: ",")
        let failures = refusals.count + unnamed
        let counts =
            #"{"successCount":\#(count - failures),"failCount":\#(failures),"createdFields":[],"#
            + #""filteredOutFields":\#(Self.array(leftOut))"#
        if !dice.chance(30) { return Array(#"\#(counts),"failedUpdates":{\#(named)}}"#.utf8) }
        return Array("\(counts)\(named.isEmpty ? "" : ",")\(named)}".utf8)
    }

    private func ownName(of position: Int) -> String {
        let content = writes[position].content
        return (node.history.scenario.type == .email ? content.email : content.userID ?? content.email) ?? ""
    }

    private var everybodyTwice: [UInt8] {
        let names = Self.array(writes.compactMap(\.content.email) + writes.compactMap(\.content.userID))
        return Array(
            (#"{"successCount":0,"failCount":\#(count),"invalidDataEmails":\#(names),"#
                + #""failedUpdates":{"invalidDataUserIds":\#(names),"invalidDataEmails":\#(names)}}"#).utf8)
    }

    private static func array(_ texts: [String]) -> String {
        "[" + texts.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    }
}
