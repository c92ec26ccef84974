import Foundation

/// Body of forget and unforget.
private struct UserBody: Decodable, Sendable {
    let email: String?
    let userId: String?
}

/// Body of updateEmail.
private struct UpdateEmailBody: Decodable, Sendable {
    let currentEmail: String?
    let currentUserId: String?
    let newEmail: String
}

/// Body of merge. `arrayMerge` is checked for its type and has no effect.
private struct MergeBody: Decodable, Sendable {
    let sourceEmail: String?
    let sourceUserId: String?
    let destinationEmail: String?
    let destinationUserId: String?
    let arrayMerge: [[String: String]]?
}

/// Changing, merging and forgetting users.
enum IdentityCalls {
    static let endpoints: [Endpoint] = [
        .decoding(UpdateEmailBody.self, "POST", "/api/users/updateEmail") { body, _, state, _ in
            try updateEmail(body, &state)
        },
        .decoding(MergeBody.self, "POST", "/api/users/merge", limit: .perSecond(50)) { body, _, state, moment in
            try merge(body, &state, moment)
        },
        .decoding(UserBody.self, "POST", "/api/users/forget", limit: .perSecond(3)) { body, _, state, _ in
            let identifiers = try forgettable(body, state)
            state.forget(email: identifiers.email, userID: identifiers.userID)
            return .success()
        },
        .decoding(UserBody.self, "POST", "/api/users/unforget", limit: .perSecond(3)) { body, _, state, _ in
            let identifiers = try forgettable(body, state)
            if let email = identifiers.email { state.forgottenEmails.remove(email) }
            if let userID = identifiers.userID { state.forgottenUserIDs.remove(userID) }
            return .success()
        },
        .plain("GET", "/api/users/forgotten", limit: .perSecond(3)) { _, state, _ in
            guard state.options.projectType != .userID else {
                throw Refusal(.badParams("Users of a userID-based project are forgotten by userId"))
            }
            return .json(["hashedEmails": .strings(state.forgottenEmails.map(HashedIdentifier.hexDigest).sorted())])
        },
        .plain("GET", "/api/users/forgottenUserIds", limit: .perSecond(3)) { _, state, _ in
            guard state.options.projectType != .email else {
                throw Refusal(.badParams("Users of an email-based project are forgotten by email"))
            }
            // User ids are lower-cased before hashing, although they are case-sensitive elsewhere.
            let hashes = Set(state.forgottenUserIDs.map { HashedIdentifier.hexDigest(of: EmailRules.normalized($0)) })
            return .json(["hashedUserIds": .strings(hashes.sorted())])
        },
    ]

    /// The identifier to forget: exactly one, of the kind that the project type has.
    private static func forgettable(_ body: UserBody, _ state: SandboxState) throws -> Identifiers {
        let identifiers = Identifiers(email: body.email, userID: body.userId)
        guard (body.email == nil) != (body.userId == nil) else {
            throw Refusal(.badParams("Either an email or a userId is required"))
        }
        let isWrongKind =
            (state.options.projectType == .email && body.email == nil)
            || (state.options.projectType == .userID && body.userId == nil)
        guard !isWrongKind else { throw Refusal(.badParams("Wrong kind of identifier for this project type")) }
        do throws(RowFailure) {
            try state.check(identifiers)
        } catch  where error.reason == .forgotten {
            return identifiers
        } catch {
            throw Refusal(UserCalls.refusal(of: error))
        }
        return identifiers
    }

    private static func updateEmail(_ body: UpdateEmailBody, _ state: inout SandboxState) throws -> Reply {
        guard state.options.projectType == .email else {
            throw Refusal(.badParams("Only email-based projects have this call: use users/update"))
        }
        let current = Identifiers(
            email: body.currentEmail, userID: body.currentEmail == nil ? body.currentUserId : nil)
        let new = Identifiers(email: body.newEmail, userID: nil)
        if let email = current.email, !EmailRules.isValid(email) {
            throw Refusal(.badParams("Invalid currentEmail \(body.currentEmail ?? "")"))
        }
        do throws(RowFailure) {
            try state.check(current)
            try state.check(new)
            let number = try state.locate(current, .neverCreate)
            guard let number, let email = new.email else { throw RowFailure(reason: .notFound, email: current.email) }
            if let owner = state.profiles.number(email: email), owner != number {
                return .envelope("EmailAlreadyExists", "Email already exists: \(email)", status: 400)
            }
            state.profiles.setEmail(email, of: number)
        } catch {
            throw Refusal(UserCalls.refusal(of: error))
        }
        return .success()
    }

    private static func merge(_ body: MergeBody, _ state: inout SandboxState, _ moment: Moment) throws -> Reply {
        let source = Identifiers(email: body.sourceEmail, userID: body.sourceUserId)
        let destination = Identifiers(email: body.destinationEmail, userID: body.destinationUserId)
        do throws(RowFailure) {
            try state.check(source)
            try state.check(destination)
            guard let old = try state.locate(source, .neverCreate) else {
                throw RowFailure(reason: .notFound, email: source.email, userID: source.userID)
            }
            guard let new = try state.locate(destination, .create(preferUserID: true)) else {
                // An unknown destination renames the source.
                if let email = destination.email { state.profiles.setEmail(email, of: old) }
                if let userID = destination.userID { state.profiles.setUserID(userID, of: old) }
                return .success()
            }
            state.merge(old, into: new, moment)
        } catch {
            throw Refusal(UserCalls.refusal(of: error))
        }
        return .success()
    }
}

extension SandboxState {
    /// Removes a user and refuses all later data about him.
    mutating func forget(email: String?, userID: String?) {
        if let email { forgottenEmails.insert(email) }
        if let userID { forgottenUserIDs.insert(userID) }
        let found =
            email.flatMap { profiles.number(email: $0) } ?? userID.flatMap { profiles.number(userID: $0) }
        guard let found, let profile = profiles[found] else { return }
        if options.projectType == .hybrid {
            // The user is forgotten, not one of his names.
            if let email = profile.email { forgottenEmails.insert(email) }
            if let userID = profile.userID { forgottenUserIDs.insert(userID) }
        }
        removeProfile(found)
    }

    /// Moves what one user has to another, whose fields win, and removes the first.
    mutating func merge(_ source: Int, into destination: Int, _ moment: Moment) {
        guard source != destination, let old = profiles[source], let new = profiles[destination] else { return }
        for list in listIDs(of: source) { addMember(destination, to: list) }
        events.move(from: source, to: destination)
        profiles.setFields(old.fields.merging(new.fields) { _, kept in kept }, of: destination, at: moment.time)
        removeProfile(source)
    }
}
