import Foundation

/// The time of a request, by both clocks.
struct Moment: Sendable {
    /// Monotonic time since the sandbox was made.
    let now: Duration
    /// Seconds since 1970.
    let time: Double
}

/// Everything the sandbox remembers. One request at a time changes it.
struct SandboxState: Sendable {
    /// The number that the answers give for the project.
    static let projectID = 10_216
    private static let firstListID = 1_068_682

    let options: SandboxOptions
    var profiles = ProfileStore()
    private(set) var lists: [Int: ListRecord] = [:]
    private var nextListID = Self.firstListID
    var registry = FieldRegistry()
    /// Normalised addresses.
    var forgottenEmails: Set<String>
    var forgottenUserIDs: Set<String>
    var faults: FaultPlan
    var traffic = Traffic()
    var generator: SeededGenerator
    var events = EventStore()
    /// By the name of the event.
    var eventFields: [String: FieldRegistry] = [:]
    /// By name in lower case: names are unique ignoring case.
    var catalogs: [String: Catalog] = [:]
    var webhooks: WebhookState
    private var buckets: [String: LeakyBucket] = [:]

    init(options: SandboxOptions) {
        self.options = options
        forgottenEmails = Set(options.forgottenEmails.map(EmailRules.normalized))
        forgottenUserIDs = Set(options.forgottenUserIds)
        faults = FaultPlan(options.faults)
        generator = SeededGenerator(seed: options.seed)
        webhooks = WebhookState(options.webhook, seed: options.seed)
    }

    /// Back to the state at the start. Requests under way stay counted as such.
    mutating func reset() {
        var fresh = SandboxState(options: options)
        fresh.traffic = traffic
        fresh.traffic.reset()
        fresh.webhooks = webhooks
        fresh.webhooks.reset(to: options.webhook)
        self = fresh
    }

    /// Whether a request passes the limit of its endpoint.
    mutating func admits(_ endpoint: String, limit: RateLimit, at now: Duration) -> Bool {
        buckets[endpoint, default: LeakyBucket()].admits(at: now, limit: limit)
    }

    /// Carries out what was accepted for later and is due.
    mutating func settle(at now: Duration) {
        events.settle(at: now)
        let late = catalogs.filter { $0.value.pending > 0 }.map(\.key)
        for name in late { catalogs[name]?.settle(at: now) }
    }

    mutating func addList(
        name: String, description: String? = nil, type: SandboxListType = .standard, isInUse: Bool = false,
        visibleFrom: Duration = .zero, at time: Double
    ) -> Int {
        let id = nextListID
        nextListID += 1
        lists[id] = ListRecord(
            id: id, name: name, description: description, createdAt: Int(time * 1000), type: type,
            isInUse: isInUse, visibleFrom: visibleFrom)
        return id
    }

    mutating func removeList(_ id: Int) { lists[id] = nil }

    /// - Returns: whether the user was no member before.
    @discardableResult
    mutating func addMember(_ number: Int, to list: Int) -> Bool { lists[list]?.add(number) ?? false }

    /// - Returns: whether the user was a member before.
    @discardableResult
    mutating func removeMember(_ number: Int, from list: Int) -> Bool { lists[list]?.remove(number) ?? false }

    /// The lists a user is in, in ascending order.
    func listIDs(of number: Int) -> [Int] { lists.values.filter { $0.members.contains(number) }.map(\.id).sorted() }

    /// The members of a list, oldest profile first.
    func members(of list: Int) -> [Profile] {
        (lists[list]?.members ?? []).sorted().compactMap { profiles[$0] }
    }

    /// Removes a user from everything.
    mutating func removeProfile(_ number: Int) {
        for id in lists.keys { lists[id]?.remove(number) }
        events.remove(of: number)
        profiles.remove(number)
    }
}
