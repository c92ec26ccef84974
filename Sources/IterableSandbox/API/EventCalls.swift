import Foundation

/// One event as a request has it.
struct EventRow: Decodable, Sendable {
    let eventName: String
    private let email: String?
    private let userId: String?
    let id: String?
    /// Seconds since 1970.
    let createdAt: WholeNumber?
    let dataFields: [String: JSONValue]?
    let campaignId: WholeNumber?
    let templateId: WholeNumber?
    let createNewFields: Bool?

    var identifiers: Identifiers { Identifiers(email: email, userID: userId) }
}

/// Body of trackBulk.
private struct BulkTrackBody: Decodable, Sendable {
    let events: [EventRow]
}

/// Tracking and reading events. Unknown users are created in hybrid and userID-based projects, and not found in
/// email-based ones.
///
/// Choices where the documentation is silent: an event that replaces another keeps nothing of it; an id of other
/// characters and a field of another type refuse a whole bulk request; an event of a name that is not taken creates no
/// user, and counts as a success unless the options say otherwise; a user who is not there has no events.
enum EventCalls {
    static let endpoints: [Endpoint] = [
        Endpoint("POST", "/api/events/track", limit: .perSecond(2000)) { call in
            let row = try call.decode(EventRow.self)
            return PreparedCall(keys: Set(row.identifiers.inFlightKeys(list: nil))) { state, moment in
                try track(row, &state, moment)
            }
        },
        Endpoint("POST", "/api/events/trackBulk", limit: .perSecond(10)) { call in
            let body = try call.decode(BulkTrackBody.self)
            return PreparedCall(
                rowCount: body.events.count, keys: Set(body.events.flatMap { $0.identifiers.inFlightKeys(list: nil) })
            ) { state, moment in
                try trackBulk(body.events, &state, moment)
            }
        },
        .plain("GET", "/api/events/byUserId/:userId", limit: .perSecond(100)) { call, state, _ in
            try events(of: state.profiles.number(userID: call.parameter("userId")), call, state)
        },
        .plain("GET", "/api/events/:email", limit: .perSecond(100)) { call, state, _ in
            let sent = call.parameter("email")
            let email = EmailRules.normalized(sent)
            guard EmailRules.isValid(email) else {
                throw Refusal(UserCalls.refusal(of: RowFailure(reason: .invalid, email: sent)))
            }
            return try events(of: state.profiles.number(email: email), call, state)
        },
    ]

    private static func track(_ row: EventRow, _ state: inout SandboxState, _ moment: Moment) throws -> Reply {
        guard row.identifiers.email != nil || row.identifiers.userID != nil else {
            throw Refusal(.badParams("An email or a userId is required"))
        }
        try check([row], state)
        var report = EventReport()
        do throws(RowFailure) {
            guard let id = try record(row, at: moment.now, &state, moment, &report) else {
                return .success("Event \(row.eventName) is disallowed from tracking")
            }
            return .success("Event with id: \(id) tracked.", params: ["id": .string(id)])
        } catch {
            throw Refusal(UserCalls.refusal(of: error))
        }
    }

    private static func trackBulk(
        _ rows: [EventRow], _ state: inout SandboxState, _ moment: Moment
    ) throws -> Reply {
        try check(rows, state)
        let due = moment.now + .seconds(state.options.bulkEventsAfterSeconds)
        var report = EventReport()
        for row in rows {
            do throws(RowFailure) {
                if try record(row, at: due, &state, moment, &report) == nil {
                    report.disallow(
                        row.eventName, countsAsFailure: state.options.countsDisallowedEventsAsFailed)
                } else {
                    report.succeed()
                }
            } catch {
                report.fail(error)
            }
        }
        return .json(report.json)
    }

    /// What refuses a request as a whole.
    private static func check(_ rows: [EventRow], _ state: SandboxState) throws {
        for id in rows.compactMap(\.id) {
            if let problem = EventIDRules.problem(id) { throw Refusal(.badParams(problem)) }
        }
        let mismatches = state.mismatches(in: rows)
        guard mismatches.isEmpty else { throw Refusal(.typesMismatched(mismatches)) }
    }

    /// Records an event. Nothing changes when it fails.
    ///
    /// - Parameter due: when it is there.
    /// - Returns: its id; nil where the project does not take events of this name.
    private static func record(
        _ row: EventRow, at due: Duration, _ state: inout SandboxState, _ moment: Moment, _ report: inout EventReport
    ) throws(RowFailure) -> String? {
        let identifiers = row.identifiers
        try state.check(identifiers)
        let policy: UnknownUserPolicy =
            state.options.projectType == .email ? .neverCreate : .create(preferUserID: false)
        let located = try state.locate(identifiers, policy)
        guard !state.options.disallowedEventNames.contains(row.eventName) else { return nil }
        let user = located ?? state.settle(identifiers, at: nil, moment)
        let fields = state.takeFields(of: row, report: &report)
        let event = StoredEvent(
            id: row.id ?? state.events.makeID(), name: row.eventName, user: user, identifiers,
            createdAt: row.createdAt?.value ?? Int(moment.time), dataFields: fields,
            campaignID: row.campaignId?.value, templateID: row.templateId?.value)
        state.events.write(event, due: due, now: moment.now)
        state.trigger(by: event, moment)
        return event.id
    }

    /// The events of a user, youngest first; none for a user who is not there.
    private static func events(of user: Int?, _ call: APICall, _ state: SandboxState) throws -> Reply {
        let limit = try call.integer("limit") ?? 30
        guard (1...200).contains(limit) else { throw Refusal(.badParams("limit must be between 1 and 200")) }
        let events = user.map { state.events.youngest(of: $0) } ?? []
        return .json(["events": .array(events.prefix(limit).map { state.json(of: $0) })])
    }
}

extension SandboxState {
    /// The times that the API's form of dates can write: the years 1 to 9999.
    private static let writableTimes = -62_135_596_800...253_402_300_799

    /// An event as the API shows it.
    fileprivate func json(of event: StoredEvent) -> JSONValue {
        let time = min(max(event.createdAt, Self.writableTimes.lowerBound), Self.writableTimes.upperBound)
        var members: [String: JSONValue] = [
            "eventName": .string(event.name), "eventType": "customEvent",
            "createdAt": .string(Self.dateText(Double(time))), "dataFields": .object(event.dataFields),
        ]
        if let email = profiles[event.user]?.email { members["email"] = .string(email) }
        if let userID = profiles[event.user]?.userID { members["userId"] = .string(userID) }
        if let campaignID = event.campaignID { members["campaignId"] = .int(campaignID) }
        if let templateID = event.templateID { members["templateId"] = .int(templateID) }
        return .object(members)
    }
}
