import RollcallCore

/// What a list of failures says about those it names. The greater one decides where a person is named twice.
enum NamedFailure: Int, Comparable, Sendable {
    case notFound, invalidData, conflict, disallowedName, invalidUserID, invalidEmail, forgotten, typeMismatch

    static func < (a: NamedFailure, b: NamedFailure) -> Bool { a.rawValue < b.rawValue }

    /// The failure that a refused request of one record amounts to; nil where the refusal tells nothing about a person.
    init?(refusalCode: String) {
        switch refusalCode {
        case "not_found": self = .notFound
        case "conflict": self = .conflict
        case "invalid_user_id": self = .invalidUserID
        case "invalid_email": self = .invalidEmail
        case "forgotten": self = .forgotten
        case "type_mismatch": self = .typeMismatch
        default: return nil
        }
    }

    /// What becomes of the record. A removal of a person whom Iterable does not know, or has forgotten, is done.
    func outcome(of operation: Operation, status: Int) -> RecordOutcome {
        let reason = FailureReason(code: code(operation), reason: sentence(operation), httpStatus: status)
        return switch (self, operation) {
        case (.notFound, .unsubscribe), (.forgotten, .unsubscribe): .succeeded
        case (.notFound, .delete), (.forgotten, .delete), (.notFound, .clear), (.forgotten, .clear): .succeeded
        case (.forgotten, .subscribe), (.invalidEmail, .subscribe), (.invalidUserID, .subscribe): .rejected(reason)
        case (.forgotten, .update), (.invalidEmail, .update), (.invalidUserID, .update), (.typeMismatch, .update):
            .rejected(reason)
        case (.forgotten, .track), (.invalidEmail, .track), (.invalidUserID, .track), (.typeMismatch, .track),
            (.disallowedName, _):
            .rejected(reason)
        default: .failed(reason)
        }
    }

    private func code(_ operation: Operation) -> String {
        switch self {
        case .conflict where operation == .update || operation == .rename: "identity_conflict"
        case .typeMismatch: "type_mismatch"
        // By this code the engine knows the events that wait for their person. An update is refused so where it is to make no profile.
        case .notFound where operation == .track || operation == .update: "user_not_found"
        case .notFound: "not_found"
        case .invalidData: "invalid_data"
        case .conflict: "conflict"
        case .disallowedName: "event_name_disallowed"
        case .invalidUserID: "invalid_user_id"
        case .invalidEmail: "invalid_email"
        case .forgotten: "forgotten"
        }
    }

    private func sentence(_ operation: Operation) -> String {
        switch self {
        case .notFound where operation == .track:
            "Iterable has no user with this identifier."
        case .notFound where operation != .subscribe && operation != .unsubscribe:
            "Iterable has no user with this identifier; every run tries again."
        case .notFound:
            "Iterable has no user with this identifier and was not to create one; every run tries again."
        case .invalidData where operation == .track:
            "Iterable refused the data of this event."
        case .invalidData:
            "Iterable refused the data of this person; look at the user in Iterable. Every run tries again."
        case .conflict:
            "Email and userId belong to different users in Iterable; merge the users there or correct the row."
        case .disallowedName:
            "Iterable does not take events of this name; allow the name there, or leave its events out."
        case .invalidUserID:
            "Iterable does not take this userId; correct it in the warehouse."
        case .invalidEmail:
            "Iterable does not take this email address; correct it in the warehouse."
        case .forgotten where operation == .track:
            "The person was forgotten in Iterable at their own request and has no events there; "
                + "take them out of the source."
        case .forgotten:
            "The person was forgotten in Iterable at their own request and cannot be put on a list or updated; "
                + "take them out of the source."
        case .typeMismatch where operation == .track:
            "A value has another type than the field has in Iterable for events of this name; "
                + "correct it in the warehouse."
        case .typeMismatch:
            "A value has another type than the field has in Iterable; correct it in the warehouse."
        }
    }
}

/// A request as far as its answer is read by the identifiers in it.
struct NamedRequest {
    var operation: Operation
    /// Of each record, as the request names it.
    var people: [Identity]
    /// Iterable may pass over people it does not know and count them nowhere.
    var passesOverUnknown = false

    init(_ request: ListRequest) {
        operation = request.operation
        people = request.subscribers.map { ListBody.sent($0, operation: request.operation) }
        passesOverUnknown = request.operation == .subscribe && request.updateExistingUsersOnly
    }

    init(_ request: UsersRequest) {
        operation = request.operation
        people = request.people.map(\.identity)
    }
}

/// Finds the outcome of each record of a request in the counts and lists of the answer.
enum PartialFailures {
    static func answer(_ counts: DeliveryCounts, request: NamedRequest, status: Int) -> DeliveryAnswer {
        let index = FailureIndex(counts.named)
        var outcomes: [RecordOutcome] = []
        outcomes.reserveCapacity(request.people.count)
        var matched = 0
        for person in request.people {
            guard let failure = index.failure(of: person) else {
                outcomes.append(.succeeded)
                continue
            }
            matched += 1
            outcomes.append(failure.outcome(of: request.operation, status: status))
        }
        if index.hasConflicts, let reason = unattributed(outcomes, request: request, status: status) {
            return .ambiguous(reason)
        }
        if matched == request.people.count || explained(counts, matched: matched, of: request.people.count) {
            return .answered(outcomes, httpStatus: status, leftOut: counts.filteredOutFields)
        }
        if let only = outcomeOfOnlyRecord(counts, request: request, status: status) {
            return .answered([only], httpStatus: status, leftOut: counts.filteredOutFields)
        }
        return .ambiguous(mismatch(counts, named: matched, of: request.people.count, "records", status: status))
    }

    /// Why the counts of an answer do not say what became of each record.
    static func mismatch(
        _ counts: DeliveryCounts, named: Int, of total: Int, _ records: String, status: Int
    ) -> FailureReason {
        let reason =
            "Iterable counted \(counts.successCount) successes and \(counts.failCount) failures for "
            + "\(total) \(records), but named \(named) of them."
        return FailureReason(code: "counts_mismatch", reason: reason, httpStatus: status)
    }

    /// The lists of conflicts name the identifier that is in the way, and that may be another record's: with a second
    /// record that carries both identifiers it cannot be said which of the two was refused.
    private static func unattributed(
        _ outcomes: [RecordOutcome], request: NamedRequest, status: Int
    ) -> FailureReason? {
        guard request.operation.direction == .put, request.people.count > 1 else { return nil }
        let suspects = zip(request.people, outcomes).contains { person, outcome in
            outcome == .succeeded && person.email != nil && person.userID != nil
        }
        guard suspects else { return nil }
        return FailureReason(
            code: "conflict_unattributed",
            reason: "Iterable named an identifier that is in the way, but not the record that was refused.",
            httpStatus: status)
    }

    /// Whether every counted failure has a name, and every record was counted.
    private static func explained(_ counts: DeliveryCounts, matched: Int, of total: Int) -> Bool {
        counts.failCount <= matched && counts.successCount + counts.failCount >= total
    }

    /// A request of one record needs no names: its one failure, or its being skipped, is that record's.
    private static func outcomeOfOnlyRecord(
        _ counts: DeliveryCounts, request: NamedRequest, status: Int
    ) -> RecordOutcome? {
        guard request.people.count == 1, counts.successCount == 0 else { return nil }
        if counts.failCount > 0 {
            if FailureIndex(counts.named).hasConflicts {
                return NamedFailure.conflict.outcome(of: request.operation, status: status)
            }
            let reason = "Iterable refused this person without saying why; every run tries again."
            return .failed(FailureReason(code: "unspecified", reason: reason, httpStatus: status))
        }
        return request.passesOverUnknown ? NamedFailure.notFound.outcome(of: .subscribe, status: status) : nil
    }
}

/// Looks identifiers up in the lists of failures: emails without regard to ASCII case, userIds exactly, both by bytes.
struct FailureIndex {
    private var byEmail: [[UInt8]: NamedFailure] = [:]
    private var byUserID: [[UInt8]: NamedFailure] = [:]

    /// Whether an identifier of some profile is in the way of a record.
    let hasConflicts: Bool

    /// - Parameter named: names per list.
    init(_ named: [NamedList: [String]]) {
        hasConflicts = named.contains { $0.0.failure == .conflict && !$0.1.isEmpty }
        for (list, names) in named {
            for name in names {
                if list.namesEmails { Self.note(list.failure, Self.folded(name), in: &byEmail) }
                if list.namesUserIDs { Self.note(list.failure, Array(name.utf8), in: &byUserID) }
            }
        }
    }

    /// The gravest failure under an identifier that the request named; nil for none.
    func failure(of sent: Identity) -> NamedFailure? {
        if byEmail.isEmpty && byUserID.isEmpty { return nil }
        let email = sent.email.flatMap { byEmail[Self.folded($0)] }
        let userID = sent.userID.flatMap { byUserID[Array($0.utf8)] }
        return [email, userID].compactMap { $0 }.max()
    }

    private static func note(_ failure: NamedFailure, _ key: [UInt8], in index: inout [[UInt8]: NamedFailure]) {
        index[key] = max(failure, index[key] ?? failure)
    }

    private static func folded(_ email: String) -> [UInt8] {
        email.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }
}
