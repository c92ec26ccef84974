import Foundation

/// Body of bulkUpdate.
private struct BulkUpdateBody: Decodable, Sendable {
    let users: [SubscriberRow]
    let createNewFields: Bool?
}

/// The member of `users/update` that a row of bulkUpdate does not have.
private struct UpdateSettings: Decodable, Sendable {
    let createNewFields: Bool?
}

/// Creating, updating, reading and deleting users.
enum UserCalls {
    static let endpoints: [Endpoint] = [
        Endpoint("POST", "/api/users/update", limit: .perSecond(500)) { call in
            let row = try call.decode(SubscriberRow.self)
            let settings = try call.decode(UpdateSettings.self)
            return PreparedCall { state, moment in try update(row, settings, &state, moment) }
        },
        Endpoint("POST", "/api/users/bulkUpdate", limit: .perSecond(5)) { call in
            let body = try call.decode(BulkUpdateBody.self)
            return PreparedCall(rowCount: body.users.count) { state, moment in
                try bulkUpdate(body, &state, moment)
            }
        },
        .plain("GET", "/api/users/getByEmail", limit: .perSecond(100)) { call, state, _ in
            guard let email = call.query["email"] else { throw Refusal(.badParams("Missing parameter: email")) }
            return try get(email: email, state)
        },
        .plain("GET", "/api/users/byUserId", limit: .perSecond(100)) { call, state, _ in
            guard let userID = call.query["userId"] else { throw Refusal(.badParams("Missing parameter: userId")) }
            return try get(userID: userID, state)
        },
        .plain("GET", "/api/users/byUserId/:userId", limit: .perSecond(100)) { call, state, _ in
            try get(userID: call.parameter("userId"), state)
        },
        .plain("DELETE", "/api/users/byUserId/:userId", limit: .perSecond(100)) { call, state, _ in
            try delete(userID: call.parameter("userId"), &state)
        },
        .plain("GET", "/api/users/getFields", limit: .perSecond(3)) { _, state, _ in
            .json(["fields": .object(state.registry.types.mapValues { .string($0.rawValue) })])
        },
        .plain("GET", "/api/users/:email", limit: .perSecond(100)) { call, state, _ in
            try get(email: call.parameter("email"), state)
        },
        .plain("DELETE", "/api/users/:email", limit: .perSecond(100)) { call, state, _ in
            try delete(email: call.parameter("email"), &state)
        },
    ]

    private static func update(
        _ row: SubscriberRow, _ settings: UpdateSettings, _ state: inout SandboxState, _ moment: Moment
    ) throws -> Reply {
        guard row.identifiers.email != nil || row.identifiers.userID != nil else {
            throw Refusal(.badParams("An email or a userId is required"))
        }
        let mismatches = state.batchMismatches([row.dataFields])
        guard mismatches.isEmpty else { throw Refusal(.typesMismatched(mismatches)) }
        var report = BulkReport()
        do {
            _ = try state.upsert(
                row, .create(preferUserID: row.preferUserId), createsNewFields: settings.createNewFields, moment,
                report: &report)
        } catch {
            throw Refusal(refusal(of: error))
        }
        return .success()
    }

    private static func bulkUpdate(
        _ body: BulkUpdateBody, _ state: inout SandboxState, _ moment: Moment
    ) throws -> Reply {
        let mismatches = state.batchMismatches(body.users.lazy.map(\.dataFields))
        guard mismatches.isEmpty else { throw Refusal(.typesMismatched(mismatches)) }
        var report = BulkReport()
        for row in body.users {
            do throws(RowFailure) {
                let done = try state.upsert(
                    row, .create(preferUserID: row.preferUserId), createsNewFields: body.createNewFields, moment,
                    report: &report)
                if done.changed {
                    report.succeed()
                } else {
                    report.succeedWithoutChange(email: state.echo(row.identifiers), userID: row.identifiers.userID)
                }
            } catch {
                report.fail(error)
            }
        }
        return .json(report.json(mode: state.options.responseMode, namesNoOps: true))
    }

    /// The answer of a single-user call for the failure that a bulk call would list.
    static func refusal(of failure: RowFailure) -> Reply {
        let identifier = failure.email ?? failure.userID ?? ""
        let isEmail = failure.email != nil
        return switch failure.reason {
        case .invalid where isEmail:
            .envelope("InvalidEmailAddressError", "Invalid email: \(identifier)", status: 400)
        case .invalid: .envelope("InvalidUserIdError", "Invalid userId: \(identifier)", status: 400)
        case .notFound where isEmail: .envelope("UnknownEmailError", "Unknown email: \(identifier)", status: 400)
        case .notFound: .envelope("UnknownUserIdError", "Unknown userId: \(identifier)", status: 400)
        case .invalidData: .badParams("Invalid data for user: \(identifier)")
        case .conflict where isEmail:
            .envelope("EmailAlreadyExists", "Email already exists: \(identifier)", status: 409)
        case .conflict: .envelope("UserIdAlreadyExists", "UserId already exists: \(identifier)", status: 409)
        case .forgotten: .envelope("ForgottenUserError", "User has been forgotten", status: 409)
        }
    }

    private static func get(email sent: String, _ state: SandboxState) throws -> Reply {
        let email = EmailRules.normalized(sent)
        guard EmailRules.isValid(email) else { throw Refusal(refusal(of: RowFailure(reason: .invalid, email: sent))) }
        // An unknown address is an empty object, not an error.
        guard let number = state.profiles.number(email: email) else { return .json([:]) }
        return .json(["user": state.userJSON(number)])
    }

    private static func get(userID: String, _ state: SandboxState) throws -> Reply {
        guard let number = state.profiles.number(userID: userID) else {
            throw Refusal(.envelope("error.users.noUserWithIdExists", "No user with that id exists!", status: 400))
        }
        return .json(["user": state.userJSON(number)])
    }

    private static func delete(email sent: String, _ state: inout SandboxState) throws -> Reply {
        guard state.options.projectType != .userID else {
            throw Refusal(.badParams("Users of a userID-based project cannot be deleted by email"))
        }
        guard let number = state.profiles.number(email: EmailRules.normalized(sent)) else {
            throw Refusal(.badParams("User does not exist. Email: \(sent) UserId: "))
        }
        state.removeProfile(number)
        return .success()
    }

    private static func delete(userID: String, _ state: inout SandboxState) throws -> Reply {
        let numbers = state.profiles.numbers(userID: userID)
        guard !numbers.isEmpty else {
            throw Refusal(.badParams("User does not exist. Email:  UserId: \(userID)"))
        }
        for number in numbers { state.removeProfile(number) }
        return .success("All users associated with \(userID) were successfully deleted.")
    }
}

extension SandboxState {
    /// A user as the API shows him, with the lists he is in.
    func userJSON(_ number: Int) -> JSONValue {
        guard let profile = profiles[number] else { return [:] }
        var fields = profile.fields
        var user: [String: JSONValue] = [:]
        if let email = profile.email {
            user["email"] = .string(email)
            fields["email"] = .string(email)
        }
        if let userID = profile.userID {
            user["userId"] = .string(userID)
            fields["userId"] = .string(userID)
        }
        fields["signupDate"] = .string(Self.dateText(profile.signedUpAt))
        fields["profileUpdatedAt"] = .string(Self.dateText(profile.updatedAt))
        let listField = options.projectType == .email ? "emailListIds" : "userListIds"
        fields[listField] = .array(listIDs(of: number).map(JSONValue.int))
        user["dataFields"] = .object(fields)
        return .object(user)
    }

    /// A time in the form of the API: `2021-07-01 18:00:44 +00:00`.
    static func dateText(_ time: Double) -> String {
        let text = Date(timeIntervalSince1970: time.rounded(.down)).formatted(.iso8601)
        return text.replacingOccurrences(of: "T", with: " ").replacingOccurrences(of: "Z", with: " +00:00")
    }
}
