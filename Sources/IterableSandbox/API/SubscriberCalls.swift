import Foundation

/// One row of subscribe or bulkUpdate.
struct SubscriberRow: Decodable, Sendable {
    let identifiers: Identifiers
    let dataFields: [String: JSONValue]
    let preferUserId: Bool
    let mergeNestedObjects: Bool

    private enum CodingKeys: String, CodingKey {
        case email, userId, dataFields, preferUserId, mergeNestedObjects
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        identifiers = Identifiers(
            email: try container.decodeIfPresent(String.self, forKey: .email),
            userID: try container.decodeIfPresent(String.self, forKey: .userId))
        dataFields = try container.decodeIfPresent([String: JSONValue].self, forKey: .dataFields) ?? [:]
        preferUserId = try container.decodeIfPresent(Bool.self, forKey: .preferUserId) ?? false
        mergeNestedObjects = try container.decodeIfPresent(Bool.self, forKey: .mergeNestedObjects) ?? false
    }
}

/// Body of subscribe.
private struct SubscribeBody: Decodable, Sendable {
    let listId: WholeNumber
    let subscribers: [SubscriberRow]
    let updateExistingUsersOnly: Bool?
}

/// One row of unsubscribe.
private struct UnsubscriberRow: Decodable, Sendable {
    let email: String?
    let userId: String?
}

/// Body of unsubscribe.
private struct UnsubscribeBody: Decodable, Sendable {
    let listId: WholeNumber
    let subscribers: [UnsubscriberRow]
    let campaignId: WholeNumber?
    let channelUnsubscribe: Bool?
}

/// The two calls that change the members of a list.
enum SubscriberCalls {
    static let endpoints: [Endpoint] = [
        Endpoint("POST", "/api/lists/subscribe", limit: .listWrites) { call in
            let body = try call.decode(SubscribeBody.self)
            return PreparedCall(
                rowCount: body.subscribers.count,
                keys: Set(body.subscribers.flatMap { $0.identifiers.inFlightKeys(list: body.listId.value) })
            ) { state, moment in
                try subscribe(body, &state, moment)
            }
        },
        Endpoint("POST", "/api/lists/unsubscribe", limit: .listWrites) { call in
            let body = try call.decode(UnsubscribeBody.self)
            let rows = body.subscribers.map { Identifiers(email: $0.email, userID: $0.userId) }
            return PreparedCall(
                rowCount: rows.count, keys: Set(rows.flatMap { $0.inFlightKeys(list: body.listId.value) })
            ) { state, moment in
                try unsubscribe(rows, body, &state, moment)
            }
        },
    ]

    private static func subscribe(
        _ body: SubscribeBody, _ state: inout SandboxState, _ moment: Moment
    ) throws -> Reply {
        try checkTarget(body.listId.value, rows: body.subscribers.count, state, moment)
        if state.options.fieldMismatchMode == .batch {
            let mismatches = state.batchMismatches(body.subscribers.lazy.map(\.dataFields))
            guard mismatches.isEmpty else { throw Refusal(.typesMismatched(mismatches)) }
        }
        // Not respected in email-based projects.
        let updatesOnly = body.updateExistingUsersOnly == true && state.options.projectType != .email
        var report = BulkReport()
        for row in body.subscribers {
            do throws(RowFailure) {
                let policy: UnknownUserPolicy =
                    updatesOnly ? .updateOnly : .create(preferUserID: row.preferUserId)
                let number = try state.upsert(row, policy, moment, report: &report).number
                if state.addMember(number, to: body.listId.value) {
                    state.welcome(number, to: body.listId.value, moment)
                }
                report.succeed()
            } catch {
                report.fail(error)
            }
        }
        return .json(report.json(mode: state.options.responseMode, namesNoOps: false))
    }

    private static func unsubscribe(
        _ rows: [Identifiers], _ body: UnsubscribeBody, _ state: inout SandboxState, _ moment: Moment
    ) throws -> Reply {
        try checkTarget(body.listId.value, rows: rows.count, state, moment)
        if body.channelUnsubscribe == true { state.traffic.countChannelUnsubscribe() }
        var report = BulkReport()
        for row in rows {
            do throws(RowFailure) {
                try state.check(row)
                if let number = try state.locate(row, .neverCreate) {
                    remove(number, body, &state, moment)
                }
                report.succeed()
            } catch {
                report.fail(error)
            }
        }
        return .json(report.json(mode: state.options.responseMode, namesNoOps: false))
    }

    private static func remove(
        _ number: Int, _ body: UnsubscribeBody, _ state: inout SandboxState, _ moment: Moment
    ) {
        let wasMember = state.removeMember(number, from: body.listId.value)
        let leavesChannel = body.channelUnsubscribe == true
        guard wasMember || leavesChannel else { return }
        state.reportUnsubscribe(
            number, from: body.listId.value, isMember: wasMember, wholeChannel: leavesChannel,
            campaignID: body.campaignId?.value, moment)
    }

    /// Refuses batches that are too large, and lists that are unknown, too new or not static. The code of the latter
    /// answer is `Success`, as recorded.
    private static func checkTarget(_ id: Int, rows: Int, _ state: SandboxState, _ moment: Moment) throws {
        if let limit = state.options.maxSubscribersPerRequest, rows > limit {
            throw Refusal(
                .envelope("BatchTooLarge", "Batch of \(rows) exceeds the maximum size of \(limit)", status: 400))
        }
        guard let list = state.lists[id], list.accepts(at: moment.now) else {
            let params: JSONValue = ["projectId": .int(SandboxState.projectID), "listId": .int(id)]
            throw Refusal(.envelope("Success", "error.lists.invalidListId(\(id))", params: params, status: 400))
        }
    }
}

extension SandboxState {
    /// Creates or updates the user of one row with his fields. Nothing changes when the row fails.
    mutating func upsert(
        _ row: SubscriberRow, _ policy: UnknownUserPolicy, createsNewFields: Bool? = nil, _ moment: Moment,
        report: inout BulkReport
    ) throws(RowFailure) -> (number: Int, changed: Bool) {
        try check(row.identifiers)
        if !row.dataFields.isEmpty, registry.mismatch(in: Self.custom(row.dataFields)) != nil {
            let email = echo(row.identifiers)
            throw RowFailure(reason: .invalidData, email: email, userID: email == nil ? row.identifiers.userID : nil)
        }
        let located = try locate(row.identifiers, policy)
        try checkIdentity(in: row.dataFields, of: located, row.identifiers)
        let before = located.flatMap { profiles[$0] }
        let number = settle(row.identifiers, at: located, moment)
        let write = FieldWrite(
            fields: row.dataFields, mergesNestedObjects: row.mergeNestedObjects,
            createsNewFields: createsNewFields ?? options.createsNewFields)
        let wrote = self.write(write, to: number, moment, report: &report)
        let after = profiles[number]
        return (number, wrote || before == nil || before?.email != after?.email || before?.userID != after?.userID)
    }
}
