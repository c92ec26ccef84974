import Foundation
import RollcallCore
import Synchronization

/// The profiles of ``FakeIterable``: the fields of each person as JSON texts, and a fate for each request.
final class FakeUsers: Sendable {
    /// What happens to one request.
    enum Fate: Sendable {
        case ok
        /// Carried out, no answer.
        case loseAfter
        /// No answer now; carried out later.
        case late(Duration)
        /// This answer, and nothing carried out.
        case answer(DeliveryAnswer)
        /// Carried out for everybody but these identifiers.
        case refuse([String: RecordOutcome])
    }

    private struct State {
        /// By the identifier at the top of the object, the email before the userId.
        var profiles: [String: [String: String]] = [:]
        var types: [String: String] = [:]
        var requests: [UsersRequest] = []
        var deletions: [UserDeletion] = []
        var renames: [UserRename] = []
        var renameFate: @Sendable (UserRename, Int) -> Fate = { _, _ in .ok }
        var fate: @Sendable (UsersRequest, Int) -> Fate = { _, _ in .ok }
        var looks: [ProfileName] = []
        var lookFate: @Sendable (ProfileName, Int) throws(DestinationError) -> ProfileFinding? = { _, _ in nil }
        /// The type that a new field gets whatever its value is.
        var wrongTypes: [String: String] = [:]
    }

    private let state = Mutex(State())
    private let clock: ManualClock

    init(clock: ManualClock) { self.clock = clock }

    // MARK: What tests say and see

    func setFate(_ fate: @escaping @Sendable (UsersRequest, Int) -> Fate) { state.withLock { $0.fate = fate } }
    func setTypes(_ types: [String: String]) { state.withLock { $0.types = types } }
    func setWrongType(_ field: String, _ type: String) { state.withLock { $0.wrongTypes[field] = type } }
    /// Another system writes a field, as JSON.
    func write(_ person: String, _ field: String, _ json: String) {
        state.withLock { $0.profiles[person, default: [:]][field] = json }
    }

    var requests: [UsersRequest] { state.withLock { $0.requests } }
    var renames: [UserRename] { state.withLock { $0.renames } }
    func setRenameFate(_ fate: @escaping @Sendable (UserRename, Int) -> Fate) {
        state.withLock { $0.renameFate = fate }
    }
    /// The profiles that were looked up, in the order in which that began.
    var looks: [ProfileName] { state.withLock { $0.looks } }
    /// What is found, with the number of the look; nil: what is there.
    func setLookFate(_ fate: @escaping @Sendable (ProfileName, Int) throws(DestinationError) -> ProfileFinding?) {
        state.withLock { $0.lookFate = fate }
    }
    var deletions: [UserDeletion] { state.withLock { $0.deletions } }
    /// The objects of a request, as they were sent.
    func objects(_ number: Int) -> [String] {
        state.withLock { $0.requests[number].people.map { String(decoding: $0.object, as: UTF8.self) } }
    }
    func profile(_ person: String) -> [String: String]? { state.withLock { $0.profiles[person] } }
    var people: Set<String> { state.withLock { Set($0.profiles.keys) } }
    var types: [String: String] { state.withLock { $0.types } }

    // MARK: Calls

    var fields: [RemoteField] { types.sorted { $0.key < $1.key }.map { RemoteField(name: $0, type: $1) } }

    func deliver(_ request: UsersRequest) async -> DeliveryAnswer {
        let fate = state.withLock { state in
            state.requests.append(request)
            return state.fate(request, state.requests.count)
        }
        let noAnswer = DeliveryAnswer.retry(
            FailureReason(code: "no_answer", reason: "no answer"), after: nil, mayHaveBeenApplied: true,
            cause: .trouble)
        switch fate {
        case .ok: return answer(request, [:])
        case .refuse(let refused): return answer(request, refused)
        case .loseAfter:
            _ = answer(request, [:])
            return noAnswer
        case .late(let delay):
            clock.schedule(after: delay) { _ = self.answer(request, [:]) }
            return noAnswer
        case .answer(let answer): return answer
        }
    }

    func look(_ name: ProfileName) throws(DestinationError) -> ProfileFinding {
        let (fate, number, found) = state.withLock { state in
            state.looks.append(name)
            return (state.lookFate, state.looks.count, Self.find(name, state.profiles))
        }
        return try fate(name, number) ?? found
    }

    private static func find(_ name: ProfileName, _ profiles: [String: [String: String]]) -> ProfileFinding {
        let found: (key: String, value: [String: String])? =
            switch name {
            case .email(let email): profiles[email].map { (email, $0) }
            case .userID(let id): profiles[id].map { (id, $0) } ?? profiles.first { $0.value["userId"] == "\"\(id)\"" }
            }
        guard let found else { return .unknown }
        let userID = found.value["userId"].flatMap { parsed($0) as? String }
        // A profile that is not known by an address is known by its userId.
        return .found(userID: userID ?? (found.key.contains("@") ? nil : found.key))
    }

    func rename(_ rename: UserRename) -> DeliveryAnswer {
        let fate = state.withLock { state in
            state.renames.append(rename)
            return state.renameFate(rename, state.renames.count)
        }
        let noAnswer = DeliveryAnswer.retry(
            FailureReason(code: "no_answer", reason: "no answer"), after: nil, mayHaveBeenApplied: true,
            cause: .trouble)
        switch fate {
        case .ok, .refuse:
            move(rename)
            return .answered([.succeeded], httpStatus: 200)
        case .loseAfter:
            move(rename)
            return noAnswer
        case .late(let delay):
            clock.schedule(after: delay) { self.move(rename) }
            return noAnswer
        case .answer(let answer): return answer
        }
    }

    private func move(_ rename: UserRename) {
        state.withLock { state in
            guard state.profiles[rename.newEmail] == nil, let profile = state.profiles[rename.email] else { return }
            state.profiles[rename.newEmail] = profile
            state.profiles[rename.email] = nil
        }
    }

    func delete(_ deletion: UserDeletion) -> DeliveryAnswer {
        state.withLock { state in
            state.deletions.append(deletion)
            switch deletion {
            case .email(let name), .userID(let name): state.profiles[name] = nil
            }
        }
        return .answered([.succeeded], httpStatus: 200)
    }

    private func answer(_ request: UsersRequest, _ refused: [String: RecordOutcome]) -> DeliveryAnswer {
        state.withLock { state in
            var leftOut: Set<String> = []
            let outcomes = request.people.map { person in
                let outcome = [person.identity.email, person.identity.userID].compactMap(\.self)
                    .compactMap { refused[$0] }.first
                if let outcome { return outcome }
                Self.apply(person, request.createsNewFields, &state, &leftOut)
                return RecordOutcome.succeeded
            }
            return .answered(outcomes, httpStatus: 200, leftOut: leftOut.sorted())
        }
    }

    private static func apply(
        _ person: UsersRequest.Person, _ makesFields: Bool, _ state: inout State, _ leftOut: inout Set<String>
    ) {
        let object = (try? JSONSerialization.jsonObject(with: Data(person.object))) as? [String: Any] ?? [:]
        guard let name = (object["email"] ?? object["userId"]) as? String else { return }
        var profile = state.profiles[name] ?? [:]
        for (field, value) in object["dataFields"] as? [String: Any] ?? [:] {
            if state.types[field] == nil && !["email", "userId"].contains(field) {
                if value is NSNull { continue }
                guard makesFields else {
                    leftOut.insert(field)
                    continue
                }
                state.types[field] = state.wrongTypes[field] ?? type(of: value)
            }
            if value is NSNull {
                profile[field] = nil
            } else if object["mergeNestedObjects"] as? Bool == true, let new = value as? [String: Any],
                let old = profile[field].flatMap({ parsed($0) as? [String: Any] })
            {
                profile[field] = text(old.merging(new) { $1 }.filter { !($0.value is NSNull) })
            } else {
                profile[field] = text(value)
            }
        }
        if object["email"] != nil, let userID = object["userId"] as? String { profile["userId"] = text(userID) }
        state.profiles[name] = profile
    }

    private static func type(of value: Any) -> String {
        switch text(value) {
        case let text where text.hasPrefix("\""): "string"
        case "true", "false": "boolean"
        case let text where text.hasPrefix("{") || text.hasPrefix("["): "object"
        // What is read of 3.0 is 3: which of the two types is meant the tests say themselves.
        case let text: text.contains(".") ? "double" : "long"
        }
    }

    private static func text(_ value: Any) -> String {
        let data = try? JSONSerialization.data(withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys])
        return String(decoding: data ?? Data(), as: UTF8.self)
    }

    private static func parsed(_ text: String) -> Any? {
        try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
    }
}
