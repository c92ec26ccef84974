/// The identifiers of one row, as sent and as they identify.
struct Identifiers: Sendable {
    let sentEmail: String?
    /// Normalised form of ``sentEmail``.
    let email: String?
    let userID: String?

    init(email: String?, userID: String?) {
        sentEmail = email
        self.email = email.map(EmailRules.normalized)
        self.userID = userID
    }

    /// The keys under which the row counts as under way.
    ///
    /// - Parameter list: nil for events.
    func inFlightKeys(list: Int?) -> [InFlightKey] {
        [email, userID].compactMap { $0 }.map { InFlightKey(list: list, identifier: $0) }
    }
}

/// What may happen to identifiers that nobody has.
enum UnknownUserPolicy: Sendable, Equatable {
    /// The row fails, and a known user keeps the identifiers he has: unsubscribe.
    case neverCreate
    /// The row fails, a known user takes on the identifiers of the row: `updateExistingUsersOnly`.
    case updateOnly
    /// A user is created. In email-based projects a user id alone creates one only with `preferUserId`.
    case create(preferUserID: Bool)
}

/// Which user a row means, by the rules of the project type (Iterable's "Identifying users by userId and email").
///
/// Choices where the documentation is silent: in userID-based projects a row without a user id is not found; in
/// hybrid projects a user found by his user id takes on a new address unless somebody has it, and an address whose
/// owner has another user id is a conflict; a row without identifiers fails without being listed.
extension SandboxState {
    /// The form in which an address is repeated in an answer.
    func echo(_ identifiers: Identifiers) -> String? {
        options.echoMode == .asSent ? identifiers.sentEmail : identifiers.email
    }

    /// Refuses malformed and forgotten identifiers.
    func check(_ identifiers: Identifiers) throws(RowFailure) {
        if let email = identifiers.email, !EmailRules.isValid(email) {
            throw RowFailure(reason: .invalid, email: echo(identifiers))
        }
        if let userID = identifiers.userID, !UserIDRules.isValid(userID) {
            throw RowFailure(reason: .invalid, userID: userID)
        }
        if identifiers.email == nil, identifiers.userID == nil { throw RowFailure(reason: .invalid) }
        if options.projectType != .userID, let email = identifiers.email, forgottenEmails.contains(email) {
            throw RowFailure(reason: .forgotten, email: echo(identifiers))
        }
        if let userID = identifiers.userID, forgottenUserIDs.contains(userID) {
            throw RowFailure(reason: .forgotten, userID: userID)
        }
    }

    /// The number of the user that ``check(_:)``ed identifiers mean; nil says that he is to be created.
    func locate(_ identifiers: Identifiers, _ policy: UnknownUserPolicy) throws(RowFailure) -> Int? {
        switch options.projectType {
        case .email: try locateByEmail(identifiers, policy)
        case .userID: try locateByUserID(identifiers, policy)
        case .hybrid: try locateByBoth(identifiers, policy)
        }
    }

    private func locateByEmail(
        _ identifiers: Identifiers, _ policy: UnknownUserPolicy
    ) throws(RowFailure) -> Int? {
        if let email = identifiers.email {
            if let number = profiles.number(email: email) { return number }
            guard policy == .neverCreate else { return nil }
            throw RowFailure(reason: .notFound, email: echo(identifiers))
        }
        if let userID = identifiers.userID, let number = profiles.number(userID: userID) { return number }
        guard case .create(preferUserID: true) = policy else {
            throw RowFailure(reason: .notFound, userID: identifiers.userID)
        }
        return nil
    }

    private func locateByUserID(
        _ identifiers: Identifiers, _ policy: UnknownUserPolicy
    ) throws(RowFailure) -> Int? {
        guard let userID = identifiers.userID else {
            throw RowFailure(reason: .notFound, email: echo(identifiers))
        }
        if let number = profiles.number(userID: userID) { return number }
        guard case .create = policy else { throw RowFailure(reason: .notFound, userID: userID) }
        return nil
    }

    private func locateByBoth(
        _ identifiers: Identifiers, _ policy: UnknownUserPolicy
    ) throws(RowFailure) -> Int? {
        let byEmail = identifiers.email.flatMap { profiles.number(email: $0) }
        let byUserID = identifiers.userID.flatMap { profiles.number(userID: $0) }
        if let byEmail, let byUserID, byEmail != byUserID {
            throw conflict(with: options.conflictList == .emails ? byEmail : byUserID, identifiers)
        }
        if let byEmail {
            let owner = profiles[byEmail]?.userID
            if policy != .neverCreate, let owner, let userID = identifiers.userID, owner != userID {
                throw conflict(with: byEmail, identifiers)
            }
            return byEmail
        }
        if let byUserID { return byUserID }
        guard case .create = policy else {
            if let email = echo(identifiers) { throw RowFailure(reason: .notFound, email: email) }
            throw RowFailure(reason: .notFound, userID: identifiers.userID)
        }
        return nil
    }

    /// A clash with the user in the way, named by the identifier that the options choose, if he has it.
    func conflict(with number: Int, _ identifiers: Identifiers) -> RowFailure {
        let (email, userID) = (profiles[number]?.email, profiles[number]?.userID)
        if let userID, options.conflictList == .userIds || email == nil {
            return RowFailure(reason: .conflict, userID: userID)
        }
        return RowFailure(reason: .conflict, email: email == identifiers.email ? echo(identifiers) : email)
    }

    /// Creates the user, or gives a known one the identifiers of the row. Returns his number.
    mutating func settle(_ identifiers: Identifiers, at located: Int?, _ moment: Moment) -> Int {
        guard let number = located else {
            var email = identifiers.email
            if email == nil, options.projectType == .email { email = placeholder(for: identifiers.userID ?? "") }
            return profiles.create(email: email, userID: identifiers.userID, at: moment.time)
        }
        if options.projectType != .email, let email = identifiers.email { profiles.setEmail(email, of: number) }
        if options.projectType != .userID, let userID = identifiers.userID { profiles.setUserID(userID, of: number) }
        return number
    }

    /// An address for a user who has none, such as `user123+147178873@placeholder.email`.
    private mutating func placeholder(for userID: String) -> String {
        let local = userID.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "_" }
        while true {
            let number = Int.random(in: 100_000_000...999_999_999, using: &generator)
            let email = "\(String(local))+\(number)@placeholder.email"
            if profiles.number(email: email) == nil { return email }
        }
    }
}
