import RollcallCore

/// An identifier that more rows of the audience carry than `identity.max_sharing` allows, each with another other identifier.
/// It counts as none: it names no person.
package struct OversharedIdentifier: Sendable, Equatable {
    package enum Kind: String, Sendable {
        case email
        case userID = "user_id"
    }

    package var kind: Kind
    package var value: String
    /// How many different other identifiers stand beside it.
    package var others: Int
}

/// All identifiers of an audience that count as none.
struct OversharedIdentifiers: Sendable {
    /// By the half of the fingerprints that carry them. A value is nil until an entry that carries it was looked at.
    private var emails: [UInt64: (value: String?, others: Int)]
    private var userIDs: [UInt64: (value: String?, others: Int)]
    /// More others than this make an identifier count as none.
    let limit: Int

    static let none = OversharedIdentifiers(emails: [:], userIDs: [:], limit: .max)

    /// - Parameters:
    ///   - emails: by half of a fingerprint, how many entries carry it.
    ///   - userIDs: the same.
    init(emails: [UInt64: Int], userIDs: [UInt64: Int], limit: Int) {
        self.emails = emails.mapValues { (nil, $0) }
        self.userIDs = userIDs.mapValues { (nil, $0) }
        self.limit = limit
    }

    var isEmpty: Bool { emails.isEmpty && userIDs.isEmpty }

    /// How many entries carry them, at most.
    var carriers: Int {
        emails.values.reduce(0) { $0 + $1.others + 1 } + userIDs.values.reduce(0) { $0 + $1.others + 1 }
    }

    /// Whether the entry seems to carry one of them, by the hash of 64 bits; ``take(off:_:)`` looks at the text.
    func carries(_ fingerprint: Fingerprint) -> Bool {
        emails[fingerprint.high] != nil || userIDs[fingerprint.low] != nil
    }

    /// The most shared ones first.
    var list: [OversharedIdentifier] {
        let found =
            emails.values.map { OversharedIdentifier(kind: .email, value: $0.value ?? "", others: $0.others) }
            + userIDs.values.map { OversharedIdentifier(kind: .userID, value: $0.value ?? "", others: $0.others) }
        return found.sorted { one, other in
            if one.others != other.others { return one.others > other.others }
            if one.kind != other.kind { return one.kind == .email }
            return one.value.utf8.lexicographicallyPrecedes(other.value.utf8)
        }
    }

    /// As ``SharedIdentifiers/keys(_:)`` has them.
    var keys: Set<String> {
        Set(
            emails.values.compactMap { $0.value.map { "e" + $0 } }
                + userIDs.values.compactMap { $0.value.map { "u" + $0 } })
    }

    // MARK: Finding them

    /// Whether the texts of some are not known yet.
    var isIncomplete: Bool {
        emails.values.contains { $0.value == nil } || userIDs.values.contains { $0.value == nil }
    }

    /// Takes the texts from an entry that carries them.
    mutating func learn(_ identity: Identity, _ fingerprint: Fingerprint) {
        if let email = identity.email, let known = emails[fingerprint.high], known.value == nil {
            emails[fingerprint.high]?.value = email
        }
        if let userID = identity.userID, let known = userIDs[fingerprint.low], known.value == nil {
            userIDs[fingerprint.low]?.value = userID
        }
    }

    /// An entry with the identifier alone has no other one beside it: it was counted, and is taken off. Those that do not
    /// exceed the limit without it are not too many.
    mutating func discount(isMet: (Identity) -> Bool) {
        for (half, known) in emails where isMet(Identity(email: known.value, userID: nil)) {
            emails[half]?.others = known.others - 1
        }
        for (half, known) in userIDs where isMet(Identity(email: nil, userID: known.value)) {
            userIDs[half]?.others = known.others - 1
        }
        emails = emails.filter { $0.value.value != nil && $0.value.others > limit }
        userIDs = userIDs.filter { $0.value.value != nil && $0.value.others > limit }
    }

    // MARK: Applying them

    /// A row as if it had come without them.
    /// - Returns: who is left, nil if no one; and what the log says of the row, nil if it carries none of them.
    func take(off identity: Identity, _ fingerprint: Fingerprint) -> (rest: Identity?, reason: FailureReason?) {
        let losesEmail = identity.email != nil && emails[fingerprint.high]?.value == identity.email
        let losesUserID = identity.userID != nil && userIDs[fingerprint.low]?.value == identity.userID
        if !losesEmail && !losesUserID { return (identity, nil) }
        let rest = Identity(
            email: losesEmail ? nil : identity.email, userID: losesUserID ? nil : identity.userID)
        let isAnybody = rest.email != nil || rest.userID != nil
        return (isAnybody ? rest : nil, reason(losesEmail, losesUserID, isAnybody: isAnybody))
    }

    private func reason(_ losesEmail: Bool, _ losesUserID: Bool, isAnybody: Bool) -> FailureReason {
        let tooMany = { (what: String, others: String) in
            "more than \(limit) rows with different \(others) carry the \(what)"
        }
        let why = [
            losesEmail ? tooMany("email", "userIds") : nil, losesUserID ? tooMany("userId", "emails") : nil,
        ].compactMap(\.self).joined(separator: ", and ")
        let what = losesEmail ? "email" : "userId"
        return FailureReason(
            code: "identifier_shared",
            reason: isAnybody
                ? "went on without the \(what), which counts as none: \(why)."
                : "The row has no identifier that counts: \(why) (identity.max_sharing).")
    }
}
