import Foundation
import Hummingbird

/// Calls that the real API does not have: what the sandbox holds and has seen. They need no key.
struct InspectionRoutes: Sendable {
    /// Bytes of a list of faults.
    private static let maxFaultBytes = 100_000

    let core: SandboxCore

    func add(to router: Router<SandboxContext>) {
        router.get("/") { [core] _, _ in
            let now = core.moment.now
            let pending = core.pendingLateRequests
            return Reply.html(core.with { StatusPage(state: $0, now: now, pendingLateRequests: pending).html })
                .response()
        }
        router.get("/sandbox/state") { [core] _, _ in
            let pending = core.pendingLateRequests
            return Reply.json(core.with { $0.summary(pendingLateRequests: pending) }).response()
        }
        router.get("/sandbox/lists/:id/members") { [core] _, context in
            guard let id = context.parameters.get("id", as: Int.self),
                let members = core.with({ $0.lists[id] == nil ? nil : $0.members(of: id) })
            else { return Self.notFound.response() }
            let lines = members.map { "\($0.email ?? "")\t\($0.userID ?? "")\n" }
            return Reply.text(lines.joined()).response()
        }
        router.get("/sandbox/users") { [core] _, _ in
            Reply.json(["users": .array(core.with { $0.profiles.all }.map(\.json))]).response()
        }
        router.get("/sandbox/events") { [core] _, _ in
            Reply.json(["events": .array(core.with { $0.events.all }.map(\.json))]).response()
        }
        router.get("/sandbox/catalogs/:name/items") { [core] _, context in
            let name = context.parameters.get("name") ?? ""
            guard let catalog = core.with({ $0.catalogs[name.lowercased()] }) else {
                return Reply.json(["error": "No such catalog."], status: 404).response()
            }
            return Reply.json(catalog.json).response()
        }
        router.get("/sandbox/requests") { [core] _, _ in
            Reply.json(["requests": .array(core.with { $0.traffic.requests }.map(\.json))]).response()
        }
        router.get("/sandbox/webhooks") { [core] _, _ in
            Reply.json(core.with { $0.webhooks.json }).response()
        }
        router.post("/sandbox/reset") { [core] _, _ in
            core.with { $0.reset() }
            return Reply.json(["reset": true]).response()
        }
        addFaults(to: router)
    }

    private func addFaults(to router: Router<SandboxContext>) {
        router.get("/sandbox/faults") { [core] _, _ in Self.faults(core).response() }
        router.delete("/sandbox/faults") { [core] _, _ in
            core.with { $0.faults = FaultPlan([]) }
            return Self.faults(core).response()
        }
        router.put("/sandbox/faults") { [core] request, _ in
            let buffer = try await request.body.collect(upTo: Self.maxFaultBytes)
            do {
                let texts = try decodeStrictly([String].self, from: Data(buffer.readableBytesView))
                let faults = try texts.map { text throws in try Fault(parsing: text) }
                if let problem = core.options.problem(ofFaults: faults) {
                    throw FaultTextError(description: problem)
                }
                core.with { $0.faults = FaultPlan(faults) }
                return Self.faults(core).response()
            } catch let error as FaultTextError {
                return Reply.json(["error": .string(error.description), "help": .string(Fault.help)], status: 400)
                    .response()
            } catch {
                return Reply.json(
                    ["error": "A JSON array of texts is expected.", "help": .string(Fault.help)], status: 400
                ).response()
            }
        }
    }

    private static let notFound = Reply.json(["error": "No such list."], status: 404)

    private static func faults(_ core: SandboxCore) -> Reply {
        .json(["faults": .strings(core.with { $0.faults.active.map(\.fault.description) })])
    }
}

extension StoredEvent {
    /// The event as the inspection call shows it.
    var json: JSONValue {
        [
            "id": .string(id), "eventName": .string(name), "email": email.map(JSONValue.string) ?? .null,
            "userId": userID.map(JSONValue.string) ?? .null, "createdAt": .int(createdAt),
            "dataFields": .object(dataFields), "campaignId": campaignID.map(JSONValue.int) ?? .null,
            "templateId": templateID.map(JSONValue.int) ?? .null, "writes": .int(writes),
        ]
    }
}

extension Catalog {
    /// The items as the inspection call shows them, by their ids.
    var json: JSONValue {
        let items = items.sorted { $0.key < $1.key }.map { id, item -> JSONValue in
            [
                "itemId": .string(id), "value": .object(item.value),
                "lastModified": .string(Date(timeIntervalSince1970: item.modifiedAt).formatted(.iso8601)),
                "untypedFields": .strings(item.untyped.sorted()),
            ]
        }
        return ["items": .array(items), "pendingChanges": .int(pending)]
    }
}

extension SandboxRequestRecord {
    /// The record as the inspection call shows it.
    var json: JSONValue {
        [
            "time": .string(time.formatted(.iso8601.time(includingFractionalSeconds: true))),
            "method": .string(method), "path": .string(path), "status": status.map(JSONValue.int) ?? .null,
            "rowCount": rowCount.map(JSONValue.int) ?? .null, "fault": fault.map(JSONValue.string) ?? .null,
            "reason": reason.map(JSONValue.string) ?? .null,
        ]
    }
}

extension SandboxState {
    /// What the sandbox holds and has seen, in numbers.
    func summary(pendingLateRequests: Int) -> JSONValue {
        let lists = lists.values.sorted { $0.id < $1.id }.map { list -> JSONValue in
            [
                "id": .int(list.id), "name": .string(list.name), "listType": .string(list.type.rawValue),
                "memberCount": .int(list.members.count),
            ]
        }
        let counts = traffic.counts.mapValues { statuses -> JSONValue in
            let named = statuses.map { ($0.key == 0 ? "dropped" : String($0.key), JSONValue.int($0.value)) }
            return .object(Dictionary(named) { first, _ in first })
        }
        let faults = faults.active.map { active -> JSONValue in
            ["fault": .string(active.fault.description), "happened": .int(active.happened)]
        }
        return [
            "projectType": .string(options.projectType.rawValue), "dataCenter": .string(options.dataCenter.rawValue),
            "lists": .array(lists), "userCount": .int(profiles.count), "eventCount": .int(events.count),
            "webhookEventCount": .int(webhooks.journal.count), "webhookPendingCount": .int(webhooks.pending),
            "catalogCount": .int(catalogs.count),
            "pendingCatalogChanges": .int(catalogs.values.map(\.pending).reduce(0, +)),
            "requestCount": .int(traffic.total), "requests": .object(counts),
            "rateLimitedCount": .int(traffic.rateLimited), "badRequestCount": .int(traffic.badRequests),
            "badRequests": .array(traffic.badReasons.map(\.json)),
            "channelUnsubscribeCount": .int(traffic.channelUnsubscribes),
            "maxRequestsInFlight": .int(traffic.maxRequestsInFlight),
            "maxInFlightPerIdentifier": .int(traffic.maxInFlightPerIdentifier),
            "overlappingIdentifiers": .strings(traffic.overlapping.sorted()),
            "pendingLateRequests": .int(pendingLateRequests), "faults": .array(faults),
        ]
    }
}
