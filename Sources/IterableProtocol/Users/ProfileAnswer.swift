import Foundation
package import RollcallCore

/// What the answer to `GET /api/users/{email}` or `GET /api/users/byUserId/{userId}` says of a profile.
package enum ProfileAnswer {
    /// - Throws: for an answer that says nothing of the profile.
    package static func finding(_ answer: HTTPAnswer) throws(DestinationError) -> ProfileFinding {
        if let refusal = refusal(answer) { return refusal }
        if let error = AnswerClassifier.error(for: answer, changesSomething: false) { throw error }
        guard let body = try? JSONDecoder().decode([String: JSONTree].self, from: Data(answer.body)),
            let finding = finding(body)
        else {
            throw AnswerClassifier.unreadable(status: answer.status, changesSomething: false)
        }
        return finding
    }

    /// nil: the object is no answer to the question. A person whom it does not mention is not unknown for that.
    private static func finding(_ body: [String: JSONTree]) -> ProfileFinding? {
        // An unknown address is an empty object, and not an error (source: recorded answers of public clients).
        if body.isEmpty || body["user"] == .null { return .unknown }
        guard let user = body["user"]?.members, let own = userID(user["userId"]),
            let inFields = userID(user["dataFields"]?.members?["userId"])
        else { return nil }
        return .found(userID: [own, inFields].first { !$0.isEmpty })
    }

    /// The empty text where there is none.
    /// - Returns: nil for what is no userId. A profile that has one, in whatever form, must not be taken for one without.
    private static func userID(_ value: JSONTree?) -> String? {
        switch value {
        case nil, .null?: ""
        case .string(let text)?: text
        case .integer(let number)?: String(number)
        case .boolean?, .number?, .array?, .object?: nil
        }
    }

    /// What is refused because of the person, and not of the call.
    private static func refusal(_ answer: HTTPAnswer) -> ProfileFinding? {
        if answer.status >= 400, saysThatTheIDIsUnknown(answer) { return .unknown }
        switch AnswerClassifier.refusal(of: answer) {
        case .notFound?: return .unknown
        case .conflict?, nil: return nil
        case let failure?: return .refused(failure.outcome(of: .update, status: answer.status))
        }
    }

    /// An unknown userId is an error of its kind, of any status (source: public clients of Iterable, and what they have recorded).
    private static func saysThatTheIDIsUnknown(_ answer: HTTPAnswer) -> Bool {
        let body = try? JSONDecoder().decode([String: JSONTree].self, from: Data(answer.body))
        return text(body?["code"]) == "error.users.noUserWithIdExists"
            || text(body?["msg"]) == "No user with that id exists!"
    }

    private static func text(_ value: JSONTree?) -> String? {
        guard case .string(let text)? = value, !text.isEmpty else { return nil }
        return text
    }
}
