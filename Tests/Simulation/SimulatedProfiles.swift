import Foundation
import RollcallCore

/// The profiles of a project, as far as `POST /api/users/bulkUpdate` and `updateEmail` go, written from the documentation of Iterable's API. It knows
/// nothing of the engine.
final class SimulatedProfiles {
    struct Value: Equatable {
        /// As JSON.
        var json: String
        /// The key of the record that wrote it; nil: another system.
        var writer: String?
    }

    struct Profile {
        var email: String?
        var userID: String?
        /// Parts of an object by their whole name.
        var fields: [String: Value] = [:]

        var names: [String] { [email, userID].compactMap(\.self) }
    }

    /// Why a record was refused.
    struct Refusal: Equatable {
        /// How the lists in an answer begin that name it.
        var word: String
        /// The identifier of another profile that is in the way.
        var owner: String?
    }

    /// What a record has done.
    struct Effect {
        var refusal: Refusal?
        /// Fields that the project does not have.
        var leftOut: [String] = []
        /// Fields that were made, with their types.
        var made: [RemoteField] = []
        /// The address that a profile had until now.
        var former: (email: String, userID: String?)?
        /// Whether there was no profile before.
        var isNew = false
    }

    /// A part of the object that no row fills.
    static let foreignField = "address.note"

    private let type: ProjectType
    private let world: World
    private var dice: Dice
    private(set) var profiles: [Profile] = []
    private(set) var types: [String: String] = [:]
    /// When a field that was made is seen by those who ask for the fields.
    private var visibleAt: [String: Duration] = [:]
    private let fieldsOfSync: [String]
    /// Requests that were given up on their way and may still arrive, by number.
    private(set) var underWay: [Int: any ProfileCall] = [:]
    private var number = 0
    private var writes = 0
    /// Of each profile in ``profiles``, what another system wrote into ``foreignField`` last.
    private(set) var notes: [Int: String] = [:]
    private var troubled: [String: Scenario.Affliction] = [:]
    private var lookDice: Dice
    private var deletionDice: Dice
    private let settleMilliseconds: Int

    init(_ scenario: Scenario, _ world: World) {
        type = scenario.type
        self.world = world
        dice = Dice(scenario.seed, "profile service")
        lookDice = Dice(scenario.seed, "profile look-ups")
        deletionDice = Dice(scenario.seed, "profile deletions")
        settleMilliseconds = max(1, Int(scenario.settleSeconds * 1000))
        fieldsOfSync = scenario.clients?.fields ?? []
        guard let clients = scenario.clients else { return }
        for field in ["address", Self.foreignField] { types[field] = Self.intended(field) }
        for field in clients.fields where !clients.missing.contains(field) { types[field] = Self.intended(field) }
        for (customer, affliction) in clients.afflicted {
            troubled[Customers.email(customer)] = affliction
            troubled[Customers.userID(customer)] = affliction
        }
        for customer in clients.strangers {
            profiles.append(Profile(email: Customers.email(customer), userID: "W\(customer)"))
        }
        for customer in clients.known.sorted() {
            _ = appear(email: Customers.email(customer), userID: Customers.userID(customer))
        }
    }

    // MARK: Fields

    /// The type that a field is to have.
    static func intended(_ field: String) -> String {
        switch field {
        case "orders": "long"
        case "address": "object"
        default: "string"
        }
    }

    var fields: [RemoteField] {
        types.sorted { $0.key < $1.key }.filter { (visibleAt[$0.key] ?? .zero) <= world.now }
            .map { RemoteField(name: $0.key, type: $0.value) }
    }

    /// Makes by hand what the project lacks.
    func makeFields() {
        for field in fieldsOfSync {
            types[field] = types[field] ?? Self.intended(field)
            visibleAt[field] = nil
        }
    }

    /// The first value fixes the type.
    private static func firstType(_ json: String) -> String {
        guard json.hasPrefix("\"") else { return json.contains(".") ? "double" : "long" }
        let form = json.dropFirst().dropLast().map { $0.isNumber ? "0" : $0 }
        return String(form) == "0000-00-00" ? "date" : "string"
    }

    // MARK: Writes

    /// Carries a record out, unless it is refused.
    func carryOut(_ write: ProfileWrite, by writer: String, makesFields: Bool) -> Effect {
        var effect = Effect()
        let content = write.content
        let byUserID = index(userID: content.userID)
        let byEmail = index(email: content.email)
        if let refusal = refusal(content, byUserID, byEmail) {
            effect.refusal = refusal
            return effect
        }
        let place = byUserID ?? byEmail ?? profiles.count
        if place == profiles.count {
            profiles.append(Profile())
            effect.isNew = true
        }
        if let email = content.email {
            if let old = profiles[place].email, old != email { effect.former = (old, profiles[place].userID) }
            profiles[place].email = email
        }
        if let userID = content.userID { profiles[place].userID = userID }
        var replaced: Set<String> = []
        for (field, json) in content.values.sorted(by: { $0.key < $1.key }) {
            guard json == ProfileContent.null || isKnown(field, json, makesFields, &effect) else {
                effect.leftOut.append(field)
                continue
            }
            let member = Scenario.Clients.member(of: field)
            if member != field, !write.merges, replaced.insert(member).inserted { clear(member, place) }
            if json == ProfileContent.null {
                clear(field, place)
            } else {
                profiles[place].fields[field] = Value(json: json, writer: writer)
            }
        }
        return effect
    }

    private func refusal(_ content: ProfileContent, _ byUserID: Int?, _ byEmail: Int?) -> Refusal? {
        for name in content.names(type) {
            switch troubled[name] {
            case .forgotten?: return Refusal(word: "forgotten")
            case .invalid?: return Refusal(word: "invalid")
            case .badData?: return Refusal(word: "invalidData")
            default: break
            }
        }
        // A profile is found by its userId where the record has one, and then no other one may have the address.
        if content.userID != nil, let byEmail, byEmail != byUserID, type == .hybrid {
            return Refusal(word: "conflict", owner: profiles[byEmail].userID ?? profiles[byEmail].email)
        }
        return nil
    }

    private func isKnown(_ field: String, _ json: String, _ makesFields: Bool, _ effect: inout Effect) -> Bool {
        if types[field] != nil { return true }
        if !makesFields { return false }
        types[field] = Self.firstType(json)
        visibleAt[field] = world.now + (dice.chance(40) ? dice.milliseconds(0, 20_000) : .zero)
        effect.made.append(RemoteField(name: field, type: types[field]))
        return true
    }

    /// A field with its parts.
    private func clear(_ field: String, _ place: Int) {
        profiles[place].fields = profiles[place].fields.filter { !Scenario.Clients.belongs($0.key, to: field) }
    }

    private func index(email: String?) -> Int? {
        guard type != .userID, let email else { return nil }
        return profiles.firstIndex { $0.email == email }
    }

    private func index(userID: String?) -> Int? {
        guard type != .email, let userID else { return nil }
        return profiles.firstIndex { $0.userID == userID }
    }

    /// Gives a profile another address, which no other one may have.
    /// - Returns: Iterable's code.
    func rename(_ email: String, to newEmail: String) -> String {
        for name in [email, newEmail] {
            switch troubled[name] {
            case .forgotten?: return "ForgottenUserError"
            case .invalid?: return "InvalidEmailAddressError"
            default: break
            }
        }
        guard let place = index(email: email) else { return "UnknownEmailError" }
        if index(email: newEmail) != nil { return "EmailAlreadyExists" }
        profiles[place].email = newEmail
        return "Success"
    }

    /// 202: the profile is deleted within the time that a request settles in.
    func accept(_ call: DeletionCall) {
        let delay = deletionDice.chance(50) ? deletionDice.milliseconds(0, settleMilliseconds) : .zero
        if delay == .zero { return call.lands() }
        world.after(delay) { call.lands() }
    }

    /// Deletes a profile with everything in it. Others keep their places.
    func delete(_ person: Identity) {
        guard let place = index(userID: person.userID) ?? index(email: person.email) else { return }
        profiles[place] = Profile()
        notes[place] = nil
    }

    func profile(of content: ProfileContent) -> Profile? {
        (index(userID: content.userID) ?? index(email: content.email)).map { profiles[$0] }
    }

    /// Another system writes a field of a profile, which it makes where there is none.
    /// - Returns: what it has written; nil: it has not.
    func writeAsAnother(_ field: String, email: String?, userID: String?) -> String? {
        let names = Identity(email: email, userID: userID).names(type)
        guard types[field] != nil, !names.isEmpty, !names.contains(where: { troubled[$0] != nil }) else { return nil }
        writes += 1
        let json = field == "orders" ? "\(1000 + writes)" : "\"foreign \(writes)\""
        let place = placeOrNew(email: email, userID: userID)
        profiles[place].fields[field] = Value(json: json)
        if field == Self.foreignField { notes[place] = json }
        return json
    }

    /// Another system makes a profile where there is none.
    /// - Returns: whether it has.
    func appear(email: String?, userID: String?) -> Bool {
        let names = Identity(email: email, userID: userID).names(type)
        guard !names.isEmpty, !names.contains(where: { troubled[$0] != nil }) else { return false }
        let before = profiles.count
        return placeOrNew(email: email, userID: userID) == before
    }

    private func placeOrNew(email: String?, userID: String?) -> Int {
        if let place = index(userID: userID) ?? index(email: email) { return place }
        profiles.append(Profile(email: type == .userID ? nil : email, userID: type == .email ? nil : userID))
        return profiles.count - 1
    }

    // MARK: Looks

    /// The answer to a look at one profile.
    func answer(to name: ProfileName) -> (status: Int, body: String) {
        let (email, userID): (String?, String?) =
            switch name {
            case .email(let email): (email, nil)
            case .userID(let userID): (nil, userID)
            }
        switch troubled[email ?? userID ?? ""] {
        case .forgotten?: return (lookDice.pick([400, 409]), #"{"msg":"","code":"ForgottenUserError","params":null}"#)
        case .invalid?:
            let code = email == nil ? "InvalidUserIdError" : "InvalidEmailAddressError"
            return (400, #"{"msg":"","code":"\#(code)","params":null}"#)
        default: break
        }
        if let place = index(email: email) ?? index(userID: userID) {
            let (address, id) = (profiles[place].email, profiles[place].userID)
            let members = [address.map { #""email":"\#($0)""# }, id.map { #""userId":"\#($0)""# }].compactMap(\.self)
            return (200, #"{"user":{\#(members.joined(separator: ","))}}"#)
        }
        if email != nil { return (200, "{}") }
        let body = #"{"msg":"No user with that id exists!","code":"error.users.noUserWithIdExists","params":null}"#
        return (lookDice.pick([400, 404, 500]), body)
    }

    // MARK: Requests that come late

    func landLater(_ call: any ProfileCall, after delay: Duration) {
        number += 1
        let number = number
        underWay[number] = call
        world.after(delay) { [self] in
            underWay[number] = nil
            world.note(nil, "a request that was given up lands: \(call.summary)")
            call.lands()
        }
    }
}
