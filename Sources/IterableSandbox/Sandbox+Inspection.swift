import Foundation

/// One list as tests and tools see it.
public struct SandboxList: Sendable, Equatable {
    public let id: Int
    public let name: String
    public let type: SandboxListType
    public let memberCount: Int
}

/// One person as tests and tools name him.
public struct SandboxMember: Sendable, Hashable {
    /// Normalised address.
    public let email: String?
    public let userID: String?

    public init(email: String? = nil, userID: String? = nil) {
        self.email = email
        self.userID = userID
    }
}

/// One event as tests and tools see it.
public struct SandboxEvent: Sendable, Hashable {
    public let id: String
    public let name: String
    /// As the last request with this id named the person; the address is normalised.
    public let email: String?
    public let userID: String?
    /// Seconds since 1970.
    public let createdAt: Int
    /// The fields that were taken: a JSON object with sorted keys.
    public let dataFields: String
    public let campaignID: Int?
    public let templateID: Int?
    /// How often an event with this id was written. The last one counts.
    public let writes: Int

    init(_ event: StoredEvent) {
        id = event.id
        name = event.name
        email = event.email
        userID = event.userID
        createdAt = event.createdAt
        dataFields = String(decoding: JSONValue.object(event.dataFields).encoded(), as: UTF8.self)
        campaignID = event.campaignID
        templateID = event.templateID
        writes = event.writes
    }
}

/// Counts of what the sandbox was asked.
public struct SandboxCounts: Sendable, Equatable {
    public let requests: Int
    /// Requests answered with 429.
    public let rateLimited: Int
    /// Requests answered with 400.
    public let badRequests: Int
    /// Unsubscribe requests with `channelUnsubscribe: true`, which would remove people from a whole channel.
    public let channelUnsubscribes: Int
    /// Requests that are under way now; one whose connection was dropped counts until it is applied.
    public let requestsInFlight: Int
    /// Requests that were under way at once, at most.
    public let maxRequestsInFlight: Int
    /// Requests that were changing one identifier in one list, or its events, at once, at most. A request whose
    /// connection was dropped and that is applied later counts until then.
    public let maxInFlightPerIdentifier: Int
    /// Identifiers for which ``maxInFlightPerIdentifier`` was more than 1.
    public let overlappingIdentifiers: Set<String>
    /// Dropped requests that will still be applied.
    public let pendingLateRequests: Int
}

/// Looking in and preparing things without the API: no key, no limits, no faults, no log.
extension Sandbox {
    /// All lists, oldest first.
    public func lists() -> [SandboxList] {
        core.with { state in
            state.lists.values.sorted { $0.id < $1.id }.map {
                SandboxList(id: $0.id, name: $0.name, type: $0.type, memberCount: $0.members.count)
            }
        }
    }

    /// The members of a list, in the order in which the users were created; empty for an unknown list.
    public func members(ofList id: Int) -> [SandboxMember] {
        core.with { state in state.members(of: id).map { SandboxMember(email: $0.email, userID: $0.userID) } }
    }

    /// Number of users of the project.
    public var userCount: Int { core.with { $0.profiles.count } }

    /// Creates a list that is visible at once.
    ///
    /// - Parameters:
    ///   - members: Put in without checks beyond those of ``addUser(email:userID:)``.
    ///   - isInUse: A campaign uses the list, so that it cannot be deleted.
    /// - Returns: Its id.
    @discardableResult
    public func addList(
        name: String, type: SandboxListType = .standard, members: [SandboxMember] = [], isInUse: Bool = false
    ) -> Int {
        let moment = core.moment
        return core.with { state in
            let id = state.addList(name: name, type: type, isInUse: isInUse, at: moment.time)
            for member in members {
                if let number = state.place(member, moment) { state.addMember(number, to: id) }
            }
            return id
        }
    }

    /// Creates a user, or finds the one who has these identifiers already.
    /// - Returns: Whether the identifiers are acceptable for the project.
    @discardableResult
    public func addUser(email: String? = nil, userID: String? = nil) -> Bool {
        let moment = core.moment
        return core.with { $0.place(SandboxMember(email: email, userID: userID), moment) != nil }
    }

    /// Forgets a user (GDPR), as `users/forget` does, whatever the project type.
    public func forget(email: String? = nil, userID: String? = nil) {
        core.with { $0.forget(email: email.map(EmailRules.normalized), userID: userID) }
    }

    /// All events, in the order in which their ids came first.
    public var events: [SandboxEvent] { core.with { $0.events.all }.map(SandboxEvent.init) }

    /// Number of events.
    public var eventCount: Int { core.with { $0.events.count } }

    /// The items of a catalog: JSON texts by id; nil: there is no such catalog.
    public func catalogItems(_ name: String) -> [String: String]? {
        core.with { state in
            state.catalogs[name.lowercased()]?.items.mapValues {
                String(decoding: JSONValue.object($0.value).encoded(), as: UTF8.self)
            }
        }
    }

    /// The types of a catalog's fields, by name; nil: there is no such catalog.
    public func catalogTypes(_ name: String) -> [String: String]? {
        core.with { $0.catalogs[name.lowercased()]?.mappings }
    }

    /// Fields of a catalog of which some item's value was written before the field had a type: no collection finds that item
    /// by it. nil: there is no such catalog.
    public func untypedCatalogFields(_ name: String) -> Set<String>? {
        core.with { state in
            state.catalogs[name.lowercased()].map { $0.items.values.reduce(into: []) { $0.formUnion($1.untyped) } }
        }
    }

    /// How many accepted changes of items are not carried out yet, in all catalogs.
    public var pendingCatalogChanges: Int { core.with { $0.catalogs.values.map(\.pending).reduce(0, +) } }

    /// Carries out all accepted changes of items now, before their time.
    public func carryOutCatalogChanges() {
        core.with { state in
            for name in Array(state.catalogs.keys) { state.catalogs[name]?.settle(at: .seconds(Int64.max)) }
        }
    }

    /// Deletes a catalog, as a person does who works in Iterable.
    public func deleteCatalog(_ name: String) { core.with { $0.catalogs[name.lowercased()] = nil } }

    /// Takes the place of all faults in force. Counting for `nth` starts again.
    public func setFaults(_ faults: [Fault]) { core.with { $0.faults = FaultPlan(faults) } }

    /// The last 1000 requests, oldest first.
    public var requestLog: [SandboxRequestRecord] { core.with { $0.traffic.requests } }

    /// What was asked so far.
    public var counts: SandboxCounts {
        let pending = core.pendingLateRequests
        return core.with { state in
            let traffic = state.traffic
            return SandboxCounts(
                requests: traffic.total, rateLimited: traffic.rateLimited, badRequests: traffic.badRequests,
                channelUnsubscribes: traffic.channelUnsubscribes, requestsInFlight: traffic.requestsInFlight,
                maxRequestsInFlight: traffic.maxRequestsInFlight,
                maxInFlightPerIdentifier: traffic.maxInFlightPerIdentifier,
                overlappingIdentifiers: traffic.overlapping, pendingLateRequests: pending)
        }
    }

    /// Back to the state at the start.
    public func reset() { core.with { $0.reset() } }
}

extension SandboxState {
    /// The number of the user with these identifiers, created if nobody has them; nil if they are not acceptable.
    fileprivate mutating func place(_ member: SandboxMember, _ moment: Moment) -> Int? {
        let identifiers = Identifiers(email: member.email, userID: member.userID)
        do throws(RowFailure) {
            try check(identifiers)
            let located = try locate(identifiers, .create(preferUserID: true))
            return settle(identifiers, at: located, moment)
        } catch {
            return nil
        }
    }
}
