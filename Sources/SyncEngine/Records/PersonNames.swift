import RollcallCore

/// By which identifiers Iterable tells people apart, and their fingerprints. It depends on the type of the project: the email, the
/// userId, or in hybrid projects each of them.
struct PersonNames: Sendable {
    let usesEmail: Bool
    let usesUserID: Bool
    /// Whether identifiers by which Iterable does not tell people apart are of use too.
    let keepsMentions: Bool
    private let fingerprinter: Fingerprinter

    init(_ project: ProjectType, _ fingerprinter: Fingerprinter, keepsMentions: Bool) {
        usesEmail = project != .userID
        usesUserID = project != .email
        self.keepsMentions = keepsMentions
        self.fingerprinter = fingerprinter
    }

    /// Fingerprints of the identifiers of a row, each by itself; nil where it has none, or where it is of no use here.
    struct Identifiers: Sendable {
        var email: Fingerprint?
        var userID: Fingerprint?
    }

    /// Which identifiers of a row are of use.
    var claimsEmail: Bool { usesEmail || keepsMentions }
    var claimsUserID: Bool { usesUserID || keepsMentions }

    /// The identifiers of a row, as far as they are of use.
    func identifiers(_ row: RowSubject) -> Identifiers {
        Identifiers(
            email: claimsEmail ? row.email.map(fingerprint(email:)) : nil,
            userID: claimsUserID ? row.userID.map(fingerprint(userID:)) : nil)
    }

    private func fingerprint(email: [UInt8]) -> Fingerprint {
        email.withUnsafeBytes { fingerprinter.fingerprint(email: $0, userID: nil) }
    }

    private func fingerprint(userID: [UInt8]) -> Fingerprint {
        userID.withUnsafeBytes { fingerprinter.fingerprint(email: nil, userID: $0) }
    }

    /// Fingerprints of what identifies a person.
    func names(_ email: [UInt8]?, _ userID: [UInt8]?) -> [Fingerprint] {
        [usesEmail ? email.map(fingerprint(email:)) : nil, usesUserID ? userID.map(fingerprint(userID:)) : nil]
            .compactMap(\.self)
    }

    func names(_ identity: Identity) -> [Fingerprint] {
        names(identity.email.map { Array($0.utf8) }, identity.userID.map { Array($0.utf8) })
    }

    /// Of the identifiers of a person those that identify people in the project.
    func naming(_ identity: Identity) -> Identity {
        Identity(email: usesEmail ? identity.email : nil, userID: usesUserID ? identity.userID : nil)
    }

    /// Fingerprints of the identifiers by which Iterable does not tell people apart in this project.
    func others(_ identity: Identity) -> [Fingerprint] {
        let other = Identity(email: usesEmail ? nil : identity.email, userID: usesUserID ? nil : identity.userID)
        return other == Identity(email: nil, userID: nil) ? [] : [fingerprinter.fingerprint(other)]
    }
}
