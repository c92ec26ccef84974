import Foundation
import RollcallCore
import Synchronization

/// The events of ``FakeIterable``: the object that each id was sent with last, and a fate for each request.
final class FakeEvents: Sendable {
    /// What happens to one request.
    enum Fate: Sendable {
        case ok
        /// Not carried out, no answer.
        case loseBefore
        /// Carried out, no answer.
        case loseAfter
        /// No answer now; carried out later.
        case late(Duration)
        /// Carried out, and answered with sums that do not agree.
        case unclear
        /// This answer, and nothing carried out.
        case answer(DeliveryAnswer)
        /// Carried out, but for these fields.
        case leaveOut([String])
        /// Carried out for all events but those of these people or names.
        case refuse([String: RecordOutcome])
    }

    private struct State {
        var requests: [[EventsRequest.Event]] = []
        var singles = 0
        var taken: [String: String] = [:]
        var arrivals: [String] = []
        var unknownPeople: Set<String> = []
        var inFlight: [String: Int] = [:]
        var faults: [String] = []
        var fate: @Sendable ([EventsRequest.Event], Int) async -> Fate = { _, _ in .ok }
    }

    private let state = Mutex(State())
    private let clock: ManualClock

    init(clock: ManualClock) { self.clock = clock }

    // MARK: What tests say and see

    func setFate(_ fate: @escaping @Sendable ([EventsRequest.Event], Int) async -> Fate) {
        state.withLock { $0.fate = fate }
    }
    /// These people have no profile, and their events fail: what an email project does. All others have one.
    func setUnknown(_ people: Set<String>) { state.withLock { $0.unknownPeople = people } }

    var requests: [[EventsRequest.Event]] { state.withLock { $0.requests } }
    /// How many requests had the form for one event.
    var singles: Int { state.withLock { $0.singles } }
    /// The objects of a request, as they were sent.
    func objects(_ number: Int) -> [String] {
        state.withLock { $0.requests[number].map { String(decoding: $0.object, as: UTF8.self) } }
    }
    /// What Iterable has, by id.
    var taken: [String: String] { state.withLock { $0.taken } }
    /// Ids in the order in which their events were taken, once for each time.
    var arrivals: [String] { state.withLock { $0.arrivals } }
    /// What no request may be: two at once with events of one person, an id twice in one, a request that says of an
    /// event something else than its object.
    var faults: [String] { state.withLock { $0.faults } }

    // MARK: Calls

    func deliver(_ events: [EventsRequest.Event], isSingle: Bool) async -> DeliveryAnswer {
        let people = Set(events.map { Self.name(of: $0.identity) })
        let (decide, number) = state.withLock { state in
            state.requests.append(events)
            if isSingle { state.singles += 1 }
            state.faults += Self.faults(of: events)
            for person in people {
                if state.inFlight[person, default: 0] > 0 { state.faults.append("\(person) is in two requests") }
                state.inFlight[person, default: 0] += 1
            }
            return (state.fate, state.requests.count)
        }
        let fate = await decide(events, number)
        await Task.yield()
        defer { state.withLock { state in for person in people { state.inFlight[person, default: 1] -= 1 } } }
        return carryOut(events, fate)
    }

    private static func name(of person: Identity) -> String { person.email ?? person.userID ?? "-" }

    private static func faults(of events: [EventsRequest.Event]) -> [String] {
        var faults: [String] = []
        if Set(events.map(\.id)).count != events.count { faults.append("an id twice: \(events.map(\.id))") }
        for event in events {
            let object = (try? JSONSerialization.jsonObject(with: Data(event.object))) as? [String: Any] ?? [:]
            let identity = Identity(email: object["email"] as? String, userID: object["userId"] as? String)
            if object["id"] as? String != event.id || object["eventName"] as? String != event.name
                || identity != event.identity
            {
                faults.append("\(event.id) is \(String(decoding: event.object, as: UTF8.self))")
            }
        }
        return faults
    }

    private func carryOut(_ events: [EventsRequest.Event], _ fate: Fate) -> DeliveryAnswer {
        let noAnswer = DeliveryAnswer.retry(
            FailureReason(code: "no_answer", reason: "no answer"), after: nil, mayHaveBeenApplied: true,
            cause: .trouble)
        switch fate {
        case .ok: return .answered(take(events, [:]), httpStatus: 200)
        case .refuse(let refused): return .answered(take(events, refused), httpStatus: 200)
        case .leaveOut(let names): return .answered(take(events, [:]), httpStatus: 200, leftOut: names)
        case .loseBefore: return noAnswer
        case .loseAfter:
            _ = take(events, [:])
            return noAnswer
        case .late(let delay):
            clock.schedule(after: delay) { _ = self.take(events, [:]) }
            return noAnswer
        case .unclear:
            _ = take(events, [:])
            return .ambiguous(FailureReason(code: "counts_mismatch", reason: "Who knows.", httpStatus: 200))
        case .answer(let answer): return answer
        }
    }

    private func take(_ events: [EventsRequest.Event], _ refused: [String: RecordOutcome]) -> [RecordOutcome] {
        let notFound = FailureReason(code: "user_not_found", reason: "Unknown.", httpStatus: 200)
        return state.withLock { state in
            events.map { event in
                if state.unknownPeople.contains(Self.name(of: event.identity)) { return .failed(notFound) }
                if let outcome = refused[Self.name(of: event.identity)] ?? refused[event.name] { return outcome }
                state.taken[event.id] = String(decoding: event.object, as: UTF8.self)
                state.arrivals.append(event.id)
                return .succeeded
            }
        }
    }
}
