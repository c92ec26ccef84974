import Foundation

/// The events that were tracked. An event with a known id replaces the earlier one.
struct EventStore: Sendable {
    private var ids: Set<String> = []
    /// Number of events.
    private(set) var count = 0
    private var nextID = 1

    /// Counts an event.
    /// - Returns: Its id, and whether it is new.
    mutating func record(id: String?) -> (id: String, isNew: Bool) {
        let id = id ?? makeID()
        let isNew = ids.insert(id).inserted
        if isNew { count += 1 }
        return (id, isNew)
    }

    private mutating func makeID() -> String {
        defer { nextID += 1 }
        return "sandbox-event-\(nextID)"
    }
}

/// One event.
private struct EventRow: Decodable, Sendable {
    let eventName: String
    let email: String?
    let userId: String?
    let id: String?
    /// Seconds since 1970.
    let createdAt: WholeNumber?
    let dataFields: [String: JSONValue]?
    let campaignId: WholeNumber?
    let templateId: WholeNumber?
    let createNewFields: Bool?
}

/// Body of trackBulk.
private struct BulkTrackBody: Decodable, Sendable {
    let events: [EventRow]
}

/// What became of one event.
private enum EventOutcome {
    case tracked(id: String)
    case disallowed
}

/// Tracking events. Unknown users are not created; the field types of events are not checked.
enum EventCalls {
    static let endpoints: [Endpoint] = [
        .decoding(EventRow.self, "POST", "/api/events/track", limit: .perSecond(2000)) { row, _, state, _ in
            try track(row, &state)
        },
        Endpoint("POST", "/api/events/trackBulk", limit: .perSecond(10)) { call in
            let body = try call.decode(BulkTrackBody.self)
            return PreparedCall(rowCount: body.events.count) { state, _ in trackBulk(body, &state) }
        },
    ]

    private static func track(_ row: EventRow, _ state: inout SandboxState) throws -> Reply {
        guard row.email != nil || row.userId != nil else {
            throw Refusal(.badParams("An email or a userId is required"))
        }
        guard (row.id ?? "").utf8.count <= 512 else {
            throw Refusal(.badParams("Event id is longer than 512 bytes"))
        }
        do throws(RowFailure) {
            switch try record(row, &state) {
            case .tracked(let id):
                return .success("Event with id: \(id) tracked.", params: ["id": .string(id)])
            case .disallowed:
                return .success("Event \(row.eventName) is disallowed from tracking")
            }
        } catch {
            throw Refusal(UserCalls.refusal(of: error))
        }
    }

    private static func trackBulk(_ body: BulkTrackBody, _ state: inout SandboxState) -> Reply {
        var (tracked, failed) = (0, 0)
        var disallowed: Set<String> = []
        var lists: [String: [String]] = [:]
        for row in body.events {
            do throws(RowFailure) {
                guard (row.id ?? "").utf8.count <= 512 else { throw RowFailure(reason: .invalidData) }
                if case .disallowed = try record(row, &state) { disallowed.insert(row.eventName) }
                tracked += 1
            } catch {
                failed += 1
                if let email = error.email { lists["\(error.reason.rawValue)Emails", default: []].append(email) }
                if let userID = error.userID { lists["\(error.reason.rawValue)UserIds", default: []].append(userID) }
            }
        }
        let names = [FailureReason.invalid, .notFound, .forgotten].flatMap {
            ["\($0.rawValue)Emails", "\($0.rawValue)UserIds"]
        }
        let failedUpdates = Dictionary(names.map { ($0, JSONValue.strings(lists[$0] ?? [])) }) { first, _ in first }
        return .json([
            "successCount": .int(tracked), "failCount": .int(failed), "createdFields": [], "filteredOutFields": [],
            "disallowedEventNames": .strings(disallowed.sorted()),
            "invalidEmails": .strings(lists["invalidEmails"] ?? []),
            // Deprecated; the documentation says that it names ids that were not found.
            "invalidUserIds": .strings(lists["notFoundUserIds"] ?? []), "failedUpdates": .object(failedUpdates),
        ])
    }

    private static func record(_ row: EventRow, _ state: inout SandboxState) throws(RowFailure) -> EventOutcome {
        let identifiers = Identifiers(email: row.email, userID: row.userId)
        try state.check(identifiers)
        guard let number = try state.locate(identifiers, .neverCreate) else {
            throw RowFailure(reason: .notFound, email: state.echo(identifiers), userID: identifiers.userID)
        }
        guard !state.options.disallowedEventNames.contains(row.eventName) else { return .disallowed }
        let event = state.events.record(id: row.id)
        if event.isNew { state.profiles.countEvent(row.eventName, of: number) }
        return .tracked(id: event.id)
    }
}
