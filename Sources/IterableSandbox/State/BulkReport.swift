/// Why one row of a bulk request failed; the raw values begin the names of the lists in `failedUpdates`.
enum FailureReason: String, Sendable, CaseIterable {
    case invalid, notFound, invalidData, conflict, forgotten
}

/// One failed row: the list it belongs to and the identifiers to name there, as they are to be answered.
struct RowFailure: Error, Sendable, Equatable {
    let reason: FailureReason
    var email: String?
    var userID: String?
}

/// The answer of subscribe, unsubscribe and bulkUpdate while it grows.
struct BulkReport: Sendable {
    private(set) var successCount = 0
    private(set) var failCount = 0
    private var emails: [FailureReason: [String]] = [:]
    private var userIDs: [FailureReason: [String]] = [:]
    var createdFields: Set<String> = []
    var filteredOutFields: Set<String> = []
    private var noOpEmails: [String] = []
    private var noOpUserIDs: [String] = []

    mutating func succeed() { successCount += 1 }

    /// Counts a row that changed nothing: a success.
    mutating func succeedWithoutChange(email: String?, userID: String?) {
        successCount += 1
        if let email { noOpEmails.append(email) } else if let userID { noOpUserIDs.append(userID) }
    }

    mutating func fail(_ failure: RowFailure) {
        failCount += 1
        if let email = failure.email { emails[failure.reason, default: []].append(email) }
        if let userID = failure.userID { userIDs[failure.reason, default: []].append(userID) }
    }

    /// The answer; only bulkUpdate names rows that changed nothing.
    func json(mode: SandboxResponseMode, namesNoOps: Bool) -> JSONValue {
        var answer: [String: JSONValue] = [
            "successCount": .int(successCount), "failCount": .int(failCount),
            "invalidEmails": .strings(emails[.invalid] ?? []), "invalidUserIds": .strings(userIDs[.invalid] ?? []),
        ]
        guard mode == .full else { return .object(answer) }
        answer["createdFields"] = .strings(createdFields.sorted())
        answer["filteredOutFields"] = .strings(filteredOutFields.sorted())
        if namesNoOps {
            answer["noOpEmails"] = .strings(noOpEmails)
            answer["noOpUserIds"] = .strings(noOpUserIDs)
        }
        var failed: [String: JSONValue] = [:]
        for reason in FailureReason.allCases {
            failed["\(reason.rawValue)Emails"] = .strings(emails[reason] ?? [])
            failed["\(reason.rawValue)UserIds"] = .strings(userIDs[reason] ?? [])
        }
        answer["failedUpdates"] = .object(failed)
        return .object(answer)
    }
}
