/// One event of the project.
struct StoredEvent: Sendable {
    let id: String
    let name: String
    /// The number of the user it belongs to.
    fileprivate(set) var user: Int
    /// As the request named the user; the address is normalised.
    let email: String?
    let userID: String?
    /// Seconds since 1970.
    let createdAt: Int
    let dataFields: [String: JSONValue]
    let campaignID: Int?
    let templateID: Int?
    /// Its place among all events, by the time at which its id came first.
    fileprivate(set) var place = 0
    /// How often an event with this id was written.
    fileprivate(set) var writes = 1

    init(
        id: String, name: String, user: Int, _ identifiers: Identifiers, createdAt: Int,
        dataFields: [String: JSONValue], campaignID: Int?, templateID: Int?
    ) {
        self.id = id
        self.name = name
        self.user = user
        email = identifiers.email
        userID = identifiers.userID
        self.createdAt = createdAt
        self.dataFields = dataFields
        self.campaignID = campaignID
        self.templateID = templateID
    }
}

/// The events that were tracked. Ids are those of the whole project: an event with a known id replaces the earlier one,
/// whatever its name and whoever its user.
struct EventStore: Sendable {
    /// An event that was accepted and is not there yet.
    private struct Awaited: Sendable {
        let due: Duration
        var event: StoredEvent
    }

    private var events: [String: StoredEvent] = [:]
    private var idsOfUsers: [Int: Set<String>] = [:]
    /// Those that are due first stand first.
    private var awaited: [Awaited] = []
    private var nextID = 1
    private var nextPlace = 0

    /// Number of events.
    var count: Int { events.count }

    /// All events, in the order in which their ids came first.
    var all: [StoredEvent] { events.values.sorted { $0.place < $1.place } }

    /// The events of a user, youngest first.
    func youngest(of user: Int) -> [StoredEvent] {
        (idsOfUsers[user] ?? []).compactMap { events[$0] }
            .sorted { ($0.createdAt, $0.place) > ($1.createdAt, $1.place) }
    }

    /// Number of events of a user.
    func count(of user: Int) -> Int { idsOfUsers[user]?.count ?? 0 }

    /// An id for an event that has none.
    mutating func makeID() -> String {
        while true {
            let id = "sandbox-event-\(nextID)"
            nextID += 1
            if events[id] == nil { return id }
        }
    }

    /// Writes an event at a time of the sandbox's clock.
    mutating func write(_ event: StoredEvent, due: Duration, now: Duration) {
        if due <= now {
            put(event)
        } else {
            awaited.append(Awaited(due: due, event: event))
        }
    }

    /// Writes the events that are due.
    mutating func settle(at now: Duration) {
        let due = awaited.prefix { $0.due <= now }
        if due.isEmpty { return }
        awaited.removeFirst(due.count)
        for entry in due { put(entry.event) }
    }

    /// Gives the events of a user to another.
    mutating func move(from user: Int, to other: Int) {
        for index in awaited.indices where awaited[index].event.user == user { awaited[index].event.user = other }
        for id in idsOfUsers.removeValue(forKey: user) ?? [] {
            events[id]?.user = other
            idsOfUsers[other, default: []].insert(id)
        }
    }

    /// Forgets the events of a user.
    mutating func remove(of user: Int) {
        awaited.removeAll { $0.event.user == user }
        for id in idsOfUsers.removeValue(forKey: user) ?? [] { events[id] = nil }
    }

    private mutating func put(_ event: StoredEvent) {
        var event = event
        if let old = events[event.id] {
            event.place = old.place
            event.writes = old.writes + 1
            idsOfUsers[old.user]?.remove(event.id)
        } else {
            event.place = nextPlace
            nextPlace += 1
        }
        events[event.id] = event
        idsOfUsers[event.user, default: []].insert(event.id)
    }
}
