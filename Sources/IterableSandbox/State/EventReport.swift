/// The answer of trackBulk while it grows.
struct EventReport: Sendable {
    /// What `FailedEventUpdates` of the API description has lists for; other failures are counted only.
    private static let listed: [FailureReason] = [.invalid, .notFound, .forgotten]

    private var successCount = 0
    private var failCount = 0
    private var emails: [FailureReason: [String]] = [:]
    private var userIDs: [FailureReason: [String]] = [:]
    private var disallowedNames: Set<String> = []
    var createdFields: Set<String> = []
    var filteredOutFields: Set<String> = []

    mutating func succeed() { successCount += 1 }

    /// Counts an event of a name that the project does not take.
    mutating func disallow(_ name: String, countsAsFailure: Bool) {
        disallowedNames.insert(name)
        if countsAsFailure { failCount += 1 } else { successCount += 1 }
    }

    mutating func fail(_ failure: RowFailure) {
        failCount += 1
        if let email = failure.email { emails[failure.reason, default: []].append(email) }
        if let userID = failure.userID { userIDs[failure.reason, default: []].append(userID) }
    }

    var json: JSONValue {
        var failed: [String: JSONValue] = [:]
        for reason in Self.listed {
            failed["\(reason.rawValue)Emails"] = .strings(emails[reason] ?? [])
            failed["\(reason.rawValue)UserIds"] = .strings(userIDs[reason] ?? [])
        }
        return [
            "successCount": .int(successCount), "failCount": .int(failCount),
            "createdFields": .strings(createdFields.sorted()),
            "filteredOutFields": .strings(filteredOutFields.sorted()),
            "disallowedEventNames": .strings(disallowedNames.sorted()),
            "invalidEmails": .strings(emails[.invalid] ?? []),
            // Deprecated; the documentation says that it names ids that were not found.
            "invalidUserIds": .strings(userIDs[.notFound] ?? []), "failedUpdates": .object(failed),
        ]
    }
}
