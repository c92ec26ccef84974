import Foundation

/// One list as tests and tools see it.
package struct SandboxList: Sendable, Equatable {
    package let id: Int
    package let name: String
    package let type: SandboxListType
    package let memberCount: Int
}

/// One person as tests and tools name him.
package struct SandboxMember: Sendable, Hashable {
    /// Normalised address.
    package let email: String?
    package let userID: String?

    package init(email: String? = nil, userID: String? = nil) {
        self.email = email
        self.userID = userID
    }
}

/// One event as tests and tools see it.
package struct SandboxEvent: Sendable, Hashable {
    package let id: String
    package let name: String
    /// As the last request with this id named the person; the address is normalised.
    package let email: String?
    package let userID: String?
    /// Seconds since 1970.
    package let createdAt: Int
    /// The fields that were taken: a JSON object with sorted keys.
    package let dataFields: String
    package let campaignID: Int?
    package let templateID: Int?
    /// How often an event with this id was written. The last one counts.
    package let writes: Int

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
package struct SandboxCounts: Sendable, Equatable {
    package let requests: Int
    /// Requests answered with 429.
    package let rateLimited: Int
    /// Requests answered with 400.
    package let badRequests: Int
    /// Unsubscribe requests with `channelUnsubscribe: true`, which would remove people from a whole channel.
    package let channelUnsubscribes: Int
    /// Requests that are under way now; one whose connection was dropped counts until it is applied.
    package let requestsInFlight: Int
    /// Requests that were under way at once, at most.
    package let maxRequestsInFlight: Int
    /// Requests that were changing one identifier in one list, or its events, at once, at most. A request whose
    /// connection was dropped and that is applied later counts until then.
    package let maxInFlightPerIdentifier: Int
    /// Identifiers for which ``maxInFlightPerIdentifier`` was more than 1.
    package let overlappingIdentifiers: Set<String>
    /// Dropped requests that will still be applied.
    package let pendingLateRequests: Int
}

/// Looking in and preparing things without the API: no key, no limits, no faults, no log.
extension Sandbox {
    /// All lists, oldest first.
    package func lists() -> [SandboxList] {
        core.with { state in
            state.lists.values.sorted { $0.id < $1.id }.map {
                SandboxList(id: $0.id, name: $0.name, type: $0.type, memberCount: $0.members.count)
            }
        }
    }

    /// The members of a list, in the order in which the users were created; empty for an unknown list.
    package func members(ofList id: Int) -> [SandboxMember] {
        core.with { state in state.members(of: id).map { SandboxMember(email: $0.email, userID: $0.userID) } }
    }

    /// Number of users of the project.
    package var userCount: Int { core.with { $0.profiles.count } }

    /// Creates a list that is visible at once.
    ///
    /// - Parameters:
    ///   - members: Put in without checks beyond those of ``addUser(email:userID:)``.
    ///   - isInUse: A campaign uses the list, so that it cannot be deleted.
    /// - Returns: Its id.
    @discardableResult
    package func addList(
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
    package func addUser(email: String? = nil, userID: String? = nil) -> Bool {
        let moment = core.moment
        return core.with { $0.place(SandboxMember(email: email, userID: userID), moment) != nil }
    }

    /// Forgets a user (GDPR), as `users/forget` does, whatever the project type.
    package func forget(email: String? = nil, userID: String? = nil) {
        core.with { $0.forget(email: email.map(EmailRules.normalized), userID: userID) }
    }

    /// All events, in the order in which their ids came first.
    package var events: [SandboxEvent] { core.with { $0.events.all }.map(SandboxEvent.init) }

    /// Number of events.
    package var eventCount: Int { core.with { $0.events.count } }

    /// The items of a catalog: JSON texts by id; nil: there is no such catalog.
    package func catalogItems(_ name: String) -> [String: String]? {
        core.with { state in
            state.catalogs[name.lowercased()]?.items.mapValues {
                String(decoding: JSONValue.object($0.value).encoded(), as: UTF8.self)
            }
        }
    }

    /// The types of a catalog's fields, by name; nil: there is no such catalog.
    package func catalogTypes(_ name: String) -> [String: String]? {
        core.with { $0.catalogs[name.lowercased()]?.mappings }
    }

    /// Fields of a catalog of which some item's value was written before the field had a type: no collection finds that item
    /// by it. nil: there is no such catalog.
    package func untypedCatalogFields(_ name: String) -> Set<String>? {
        core.with { state in
            state.catalogs[name.lowercased()].map { $0.items.values.reduce(into: []) { $0.formUnion($1.untyped) } }
        }
    }

    /// How many accepted changes of items are not carried out yet, in all catalogs.
    package var pendingCatalogChanges: Int { core.with { $0.catalogs.values.map(\.pending).reduce(0, +) } }

    /// Carries out all accepted changes of items now, before their time.
    package func carryOutCatalogChanges() {
        core.with { state in
            for name in Array(state.catalogs.keys) { state.catalogs[name]?.settle(at: .seconds(Int64.max)) }
        }
    }

    /// Deletes a catalog, as a person does who works in Iterable.
    package func deleteCatalog(_ name: String) { core.with { $0.catalogs[name.lowercased()] = nil } }

    /// Takes the place of all faults in force. Counting for `nth` starts again.
    package func setFaults(_ faults: [Fault]) { core.with { $0.faults = FaultPlan(faults) } }

    /// The last 1000 requests, oldest first.
    package var requestLog: [SandboxRequestRecord] { core.with { $0.traffic.requests } }

    /// What was asked so far.
    package var counts: SandboxCounts {
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
    package func reset() { core.with { $0.reset() } }
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
