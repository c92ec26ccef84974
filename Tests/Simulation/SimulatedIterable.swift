import Foundation
import RollcallCore

/// Iterable's side: profiles, lists, and the answers to requests, written from the documentation of its API.
/// It knows nothing of the engine; it reads the request's bytes and answers in bytes.
final class SimulatedIterable {
    struct Profile {
        var email: String?
        var userID: String?
        var lists: Set<Int64> = []
        /// On the list before Rollcall came, or put there by others.
        var isForeign = false
        /// Under which names it was subscribed since it was last removed, request by request.
        var joinedAs: [Set<String>] = []
        /// By name; those that were never written have none.
        var fields: [String: WrittenField] = [:]

        /// The names that it still has and that our requests have put beside one of these.
        func known(as named: [String]) -> [String] {
            let has = [email, userID].compactMap(\.self)
            let linked = joinedAs.filter { !$0.isDisjoint(with: named) }.reduce(into: Set(named)) { $0.formUnion($1) }
            return has.filter(linked.contains)
        }
    }

    struct Subscriber: Equatable {
        var email: String?
        var userID: String?
        var prefersUserID = false
        /// As JSON; nil: the request says nothing of fields.
        var fields: MemberValues.Fields?
    }

    struct Request {
        var subscribes: Bool
        var list: Int64
        var onlyExisting: Bool
        var subscribers: [Subscriber]
        /// Only false is ever right.
        var leavesChannel: Bool
        /// Its place among all requests; 0: it was not sent yet.
        var number = 0
        /// Its number, if it was sent by a process that had no lease any more.
        var stray: Int?
        /// Whether its process, which stood still, had no lease any more when it was carried out.
        var isOvertaken = false
    }

    let scenario: Scenario
    private let world: World
    private(set) var profiles: [Profile] = []
    private(set) var lists: [RemoteList] = []
    /// When a list becomes visible, and when it takes requests.
    private var visibleAt: [Int64: Duration] = [:]
    private var readyAt: [Int64: Duration] = [:]
    private var nextList: Int64 = 1
    private var troubled: [String: Scenario.Affliction] = [:]
    /// Called when a profile gets another address: the old one, and the userId.
    var moved: (_ address: String, _ userID: String) -> Void = { _, _ in }
    /// Called when a removal takes a name off the list that nothing of ours has linked to the one it names.
    var strayed: (_ name: String) -> Void = { _ in }
    /// Called when a request puts something older in the place of what was acknowledged.
    var overwritten: (_ request: Request, _ subscriber: Subscriber, _ fields: [String]) -> Void = { _, _, _ in }
    /// Requests that were given up and that will be carried out later.
    private(set) var underWay: [Int: Request] = [:]
    private var requestNumber = 0

    init(_ scenario: Scenario, _ world: World) {
        self.scenario = scenario
        self.world = world
        for (person, affliction) in scenario.afflicted {
            troubled[People.email(person)] = affliction
            troubled[People.userID(person)] = affliction
        }
    }

    // MARK: Lists

    func addList(_ name: String, type: String = "Standard", delay: Duration = .zero) -> Int64 {
        let id = nextList
        nextList += 1
        lists.append(RemoteList(id: id, name: name, listType: type))
        visibleAt[id] = world.now + delay
        readyAt[id] = world.now + delay
        return id
    }

    /// Returns whether there was one.
    func deleteLists(_ name: String) -> Bool {
        let gone = Set(lists.filter { $0.name == name }.map(\.id))
        lists.removeAll { gone.contains($0.id) }
        for index in profiles.indices {
            profiles[index].lists.subtract(gone)
            profiles[index].leave()
        }
        return !gone.isEmpty
    }

    var visibleLists: [RemoteList] { lists.filter { (visibleAt[$0.id] ?? .zero) <= world.now } }

    func addForeigner(_ profile: Profile) { profiles.append(profile) }

    // MARK: Requests

    /// Reads the body of a subscribe or unsubscribe request; nil if it is not one.
    static func read(_ body: [UInt8], subscribes: Bool) -> Request? {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
            let list = object["listId"] as? Int, let records = object["subscribers"] as? [[String: Any]]
        else { return nil }
        let subscribers = records.map { record in
            Subscriber(
                email: record["email"] as? String, userID: record["userId"] as? String,
                prefersUserID: record["preferUserId"] as? Bool ?? false,
                fields: (record["dataFields"] as? [String: Any]).map(MemberValues.fields(of:)))
        }
        return Request(
            subscribes: subscribes, list: Int64(list),
            onlyExisting: object["updateExistingUsersOnly"] as? Bool ?? false,
            subscribers: subscribers, leavesChannel: object["channelUnsubscribe"] as? Bool ?? !subscribes)
    }

    /// A list that exists, but is too new to take requests.
    func isPreparing(_ list: Int64) -> Bool { (readyAt[list] ?? .zero) > world.now }
    func exists(_ list: Int64) -> Bool { lists.contains { $0.id == list } }

    /// Carries a request out later, as one that was given up on its way.
    func carryOut(_ request: Request, after delay: Duration) {
        requestNumber += 1
        let number = requestNumber
        underWay[number] = request
        world.after(delay) { [self] in
            underWay[number] = nil
            world.note(nil, "a request that was given up lands: \(request.summary)")
            _ = carryOut(request)
        }
    }

    /// Carries a request out, `sparing` some of its records. Returns why records failed, by position.
    func carryOut(_ request: Request, sparing: Set<Int> = []) -> [Int: String] {
        guard exists(request.list) else { return [:] }
        var failures: [Int: String] = [:]
        for (position, subscriber) in request.subscribers.enumerated() where !sparing.contains(position) {
            failures[position] =
                request.subscribes
                ? subscribe(subscriber, request) : unsubscribe(subscriber, request.list)
        }
        return failures
    }

    private func subscribe(_ subscriber: Subscriber, _ request: Request) -> String? {
        let names = [subscriber.email, subscriber.userID].compactMap(\.self)
        for name in names {
            switch troubled[name] {
            case .forgotten: return "forgotten"
            case .invalid: return "invalid"
            case .badData: return "invalidData"
            default: break
            }
        }
        let byUserID = subscriber.userID.flatMap { id in profiles.firstIndex { $0.userID == id } }
        let byEmail = subscriber.email.flatMap { email in profiles.firstIndex { $0.email == email } }
        if let byUserID, let byEmail, byUserID != byEmail { return "conflict" }
        if let byEmail, byUserID == nil, let other = profiles[byEmail].userID, let own = subscriber.userID, other != own
        {
            return "conflict"
        }
        if let index = byUserID ?? byEmail {
            profiles[index].lists.insert(request.list)
            profiles[index].joinedAs.append(Set(names))
            if let email = subscriber.email {
                if let old = profiles[index].email, old != email { moved(old, profiles[index].userID ?? "") }
                profiles[index].email = email
            }
            if let userID = subscriber.userID { profiles[index].userID = userID }
            let lost = profiles[index].write(subscriber, by: request)
            if !lost.isEmpty { overwritten(request, subscriber, lost) }
            return nil
        }
        if request.onlyExisting && names.contains(where: { troubled[$0] == .unknown }) { return "notFound" }
        if scenario.type == .email && subscriber.email == nil && !subscriber.prefersUserID { return "notFound" }
        var profile = Profile(email: subscriber.email, userID: subscriber.userID, lists: [request.list])
        profile.joinedAs = [Set(names)]
        _ = profile.write(subscriber, by: request)
        profiles.append(profile)
        return nil
    }

    /// The answer to a request has reached its process.
    func acknowledge(_ request: Request) {
        for index in profiles.indices { profiles[index].acknowledge(request: request.number) }
    }

    func profile(of subscriber: Subscriber) -> Profile? {
        if let userID = subscriber.userID, let found = profiles.first(where: { $0.userID == userID }) { return found }
        guard let email = subscriber.email else { return nil }
        return profiles.first { $0.email == email }
    }

    private func unsubscribe(_ subscriber: Subscriber, _ list: Int64) -> String? {
        let found =
            subscriber.userID.flatMap { id in profiles.firstIndex { $0.userID == id } }
            ?? subscriber.email.flatMap { email in profiles.firstIndex { $0.email == email } }
        guard let found else { return "notFound" }
        let named = [subscriber.email, subscriber.userID].compactMap(\.self)
        let known = profiles[found].known(as: named)
        for name in [profiles[found].email, profiles[found].userID].compactMap(\.self) where !known.contains(name) {
            strayed(name)
        }
        profiles[found].lists.remove(list)
        profiles[found].leave()
        return nil
    }

    // MARK: Answers

    /// The body of an answer that names those who failed.
    static func answer(
        _ request: Request, _ failures: [Int: String], countedAlso: Int = 0, _ dice: inout Dice
    ) -> [UInt8] {
        var lists: [String: [String]] = [:]
        for (position, failure) in failures.sorted(by: { $0.key < $1.key }) {
            let subscriber = request.subscribers[position]
            if let userID = subscriber.userID {
                lists[failure == "invalid" ? "invalidUserIds" : failure + "UserIds", default: []].append(userID)
            } else if let email = subscriber.email {
                // In whichever case it pleases.
                lists[failure == "invalid" ? "invalidEmails" : failure + "Emails", default: []]
                    .append(dice.chance(30) ? email.uppercased() : email)
            }
        }
        let counts =
            #""successCount":\#(request.subscribers.count - failures.count - countedAlso),"#
            + #""failCount":\#(failures.count + countedAlso)"#
        let named = lists.sorted { $0.key < $1.key }.map { list, names in
            "\"\(list)\":[" + names.map { "\"\($0)\"" }.joined(separator: ",") + "]"
        }.joined(separator: ",")
        if !dice.chance(30) { return Array(#"{\#(counts),"failedUpdates":{\#(named)}}"#.utf8) }
        return Array("{\(counts)\(named.isEmpty ? "" : ",")\(named)}".utf8)
    }
}

extension SimulatedIterable.Request {
    var summary: String {
        let names = subscribers.map { subscriber in
            "\(subscriber.email ?? "-")/\(subscriber.userID ?? "-")"
                + (subscriber.fields.map(MemberValues.summary) ?? "")
        }.joined(separator: " ")
        return "\(subscribes ? "subscribe" : "unsubscribe") \(names)"
    }

    /// Whether both name one person, as far as their names tell.
    func shares(_ other: SimulatedIterable.Subscriber) -> Bool {
        subscribers.contains { $0.shares(other) }
    }
}
