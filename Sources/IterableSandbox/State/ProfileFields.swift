/// How one row writes profile fields.
struct FieldWrite: Sendable {
    let fields: [String: JSONValue]
    /// Members of objects are merged one level deep instead of replaced.
    let mergesNestedObjects: Bool
    /// Whether unknown fields are created; otherwise they are dropped.
    let createsNewFields: Bool
}

/// Writing `dataFields`.
extension SandboxState {
    /// Fields that the API keeps itself; values for them are not taken from `dataFields`.
    private static let managed: Set<String> = [
        "email", "userId", "emailListIds", "userListIds", "signupDate", "profileUpdatedAt", "itblInternal",
    ]

    /// The fields of a row without identifiers and fields that the API keeps itself.
    static func custom(_ fields: [String: JSONValue]) -> [String: JSONValue] {
        fields.filter { !managed.contains($0.key) }
    }

    /// The mismatches that refuse a whole batch, by field; empty when everything fits. Types that an earlier row
    /// fixes hold for the later ones.
    func batchMismatches(_ rows: some Sequence<[String: JSONValue]>) -> [String: JSONValue] {
        var registry = registry
        var found: [String: JSONValue] = [:]
        for fields in rows where !fields.isEmpty {
            let custom = Self.custom(fields)
            if let mismatch = registry.mismatch(in: custom) {
                found[mismatch.field] = mismatch.json(category: "user")
            } else {
                _ = registry.register(custom)
            }
        }
        return found
    }

    /// Refuses malformed and taken identifiers inside `dataFields`, which change the identity of a user.
    func checkIdentity(
        in fields: [String: JSONValue], of number: Int?, _ identifiers: Identifiers
    ) throws(RowFailure) {
        if let value = fields["email"], value != .null {
            let sent = value.text ?? ""
            let email = EmailRules.normalized(sent)
            guard EmailRules.isValid(email) else { throw RowFailure(reason: .invalid, email: sent) }
            if options.projectType == .hybrid, let owner = profiles.number(email: email), owner != number {
                throw conflict(with: owner, identifiers)
            }
        }
        if let value = fields["userId"], value != .null {
            let userID = value.text ?? ""
            guard UserIDRules.isValid(userID) else { throw RowFailure(reason: .invalid, userID: userID) }
            if options.projectType != .email, let owner = profiles.number(userID: userID), owner != number {
                throw conflict(with: owner, identifiers)
            }
        }
    }

    /// Writes the fields of a row to a user and reports created and dropped fields.
    /// - Returns: Whether anything changed.
    mutating func write(_ write: FieldWrite, to number: Int, _ moment: Moment, report: inout BulkReport) -> Bool {
        guard !write.fields.isEmpty, let before = profiles[number] else { return false }
        if options.projectType != .email, let email = write.fields["email"]?.text {
            profiles.setEmail(EmailRules.normalized(email), of: number)
        }
        if let userID = write.fields["userId"]?.text { profiles.setUserID(userID, of: number) }
        var fields = before.fields
        for (name, value) in Self.custom(write.fields) {
            guard write.createsNewFields || registry.knows(name) else {
                report.filteredOutFields.insert(name)
                continue
            }
            report.createdFields.formUnion(registry.register([name: value]))
            if value == .null {
                fields[name] = nil
            } else if write.mergesNestedObjects, let old = fields[name]?.members, let new = value.members {
                fields[name] = .object(old.merging(new) { _, new in new })
            } else {
                fields[name] = value
            }
        }
        if fields != before.fields { profiles.setFields(fields, of: number, at: moment.time) }
        return fields != before.fields || profiles[number]?.email != before.email
            || profiles[number]?.userID != before.userID
    }
}
