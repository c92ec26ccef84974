import Foundation
import RollcallCore

/// The custom events of a project, written from the documentation of `POST /api/events/track` and `trackBulk`: an event
/// with an id that is there replaces it. It knows nothing of the engine.
final class SimulatedEvents {
    struct Stored {
        var content: EventContent
        /// How often it was written.
        var writes = 1
    }

    private let type: ProjectType
    private let tracks: Scenario.Tracks
    private let world: World
    private let profiles: SimulatedProfiles
    /// By id.
    private(set) var events: [String: Stored] = [:]
    /// Requests that were given up on their way and may still arrive, by number.
    private(set) var underWay: [Int: EventsCall] = [:]
    private var number = 0
    /// Identifiers of people who have no profile yet.
    private var strangers: Set<String> = []
    private var troubled: [String: Scenario.Affliction] = [:]

    init(_ scenario: Scenario, _ world: World, _ profiles: SimulatedProfiles) {
        type = scenario.type
        tracks = scenario.tracks ?? Scenario.Tracks()
        self.world = world
        self.profiles = profiles
        for visitor in tracks.strangers { strangers.formUnion(Visits.names(of: visitor, tracks)) }
        for (visitor, affliction) in tracks.afflicted {
            for name in Visits.names(of: visitor, tracks) { troubled[name] = affliction }
        }
    }

    /// A visitor gets a profile.
    func appear(_ visitor: Int) { strangers.subtract(Visits.names(of: visitor, tracks)) }

    /// Only email projects have to know a person before.
    private func isKnown(_ content: EventContent) -> Bool {
        if type != .email { return true }
        guard tracks.followsClients else { return !strangers.contains(content.person) }
        return profiles.profiles.contains { $0.names.contains(content.person) }
    }

    /// Why an event is not taken, as the lists of an answer begin that name its person; ``disallowed`` where its name
    /// is the reason.
    func refusal(of content: EventContent) -> String? {
        switch troubled[content.person] {
        case .forgotten?: return "forgotten"
        case nil: break
        default: return "invalid"
        }
        if !isKnown(content) { return Self.notFound }
        return tracks.disallowed.contains(content.name) ? Self.disallowed : nil
    }

    static let notFound = "notFound"
    static let disallowed = "disallowed"

    /// - Returns: what was there under the id until now.
    func write(_ write: EventWrite) -> Stored? {
        let old = events[write.id]
        events[write.id] = Stored(content: write.content, writes: (old?.writes ?? 0) + 1)
        return old
    }

    // MARK: Requests that come late

    func landLater(_ call: EventsCall, after delay: Duration) {
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
