import Foundation
package import RollcallCore

/// Says what an answer, or its absence, means for a delivery and for every other call.
///
/// Pure. The server's own messages are never passed on: they may echo headers, the API key among them.
package enum AnswerClassifier {
    /// What an answer to a delivery means.
    package static func classify(_ answer: HTTPAnswer, request: DeliveryRequest) -> DeliveryAnswer {
        let row = AnswerTable.row(for: facts(of: answer))
        if isTargetMissing(row, answer, request) { return targetMissing(row, answer, request) }
        switch row.meaning {
        case .success:
            return success(answer, request: request)
        case .refused:
            if let mismatch = mismatch(row, answer, request) { return mismatch }
            return refusal(row, status: answer.status, request: request)
        case .retry(let mayHaveBeenApplied):
            return .retry(
                reason(row, answer), after: RetryAfter.parse(answer.retryAfter, now: answer.now),
                mayHaveBeenApplied: mayHaveBeenApplied, cause: .trouble)
        case .rateLimited:
            return .retry(
                reason(row, answer), after: RetryAfter.parse(answer.retryAfter, now: answer.now),
                mayHaveBeenApplied: false, cause: .rateLimit)
        case .listNotFound, .stop:
            return .stop(error(row, answer))
        }
    }

    /// What it means for a delivery that there was no answer.
    package static func classify(failure: TransportFailure, request: DeliveryRequest) -> DeliveryAnswer {
        if failure.kind == .withheld { return .withheld }
        return .retry(
            FailureReason(code: failure.code, reason: failure.message), after: nil,
            mayHaveBeenApplied: failure.kind == .noAnswer, cause: .trouble)
    }

    /// Why a call other than a delivery failed; nil when its status is one of success.
    ///
    /// - Parameter changesSomething: whether the call changes anything in Iterable, so that losing its answer matters.
    package static func error(for answer: HTTPAnswer, changesSomething: Bool) -> DestinationError? {
        let row = AnswerTable.row(for: facts(of: answer))
        let delay = RetryAfter.parse(answer.retryAfter, now: answer.now)
        switch row.meaning {
        case .success: return nil
        case .refused, .stop, .listNotFound:
            return DestinationError(error: error(row, answer), isTransient: false)
        case .rateLimited:
            return DestinationError(error: error(row, answer), isTransient: true, retryAfter: delay)
        case .retry(let mayHaveBeenApplied):
            return DestinationError(
                error: error(row, answer), isTransient: true,
                mayHaveBeenApplied: mayHaveBeenApplied && changesSomething, retryAfter: delay)
        }
    }

    /// Why a call other than a delivery failed when there was no answer.
    package static func error(for failure: TransportFailure, changesSomething: Bool) -> DestinationError {
        var error = DestinationError(
            error: RunError(code: failure.code, message: failure.message), isTransient: true,
            mayHaveBeenApplied: failure.kind == .noAnswer && changesSomething)
        error.wasWithheld = failure.kind == .withheld
        return error
    }

    /// What a refusal says of the one person that the call was about; nil: it says nothing of a person.
    static func refusal(of answer: HTTPAnswer) -> NamedFailure? {
        let row = AnswerTable.row(for: facts(of: answer))
        return row.meaning == .refused ? NamedFailure(refusalCode: row.code) : nil
    }

    /// The error for an answer of success whose body is not what the call promises.
    package static func unreadable(status: Int, changesSomething: Bool) -> DestinationError {
        let reason = unreadableReason(status: status)
        return DestinationError(
            error: RunError(
                code: reason.code, message: reason.reason,
                hint: "Check base_url, and any proxy between Rollcall and Iterable."),
            isTransient: true, mayHaveBeenApplied: changesSomething)
    }

    /// Whether the body is needed to know what an answer means. Where not, an answer counts although its body broke off.
    package static func needsBody(status: Int) -> Bool {
        switch status {
        case 300...399, 401, 403, 404, 408, 413, 429, 500...599: false
        default: true
        }
    }

    // MARK: - Parts

    /// Iterable says of a list that it is unknown with 400, and of a catalog with 404 and its own envelope.
    private static func isTargetMissing(_ row: AnswerRow, _ answer: HTTPAnswer, _ request: DeliveryRequest) -> Bool {
        switch request {
        case .list: row.meaning == .listNotFound
        case .users, .userRename, .userDeletion, .events, .event: false
        case .catalog: answer.status == 404 && isJSONObject(answer.body)
        }
    }

    private static func targetMissing(
        _ row: AnswerRow, _ answer: HTTPAnswer, _ request: DeliveryRequest
    ) -> DeliveryAnswer {
        if request.targetIsNew {
            let (code, what) =
                switch request {
                case .list, .users, .userRename, .userDeletion, .events, .event: ("list_not_ready", "list")
                case .catalog: ("catalog_not_ready", "catalog")
                }
            let notYet = FailureReason(
                code: code, reason: "The \(what) was just created and Iterable does not know it yet.",
                httpStatus: answer.status)
            return .retry(notYet, after: nil, mayHaveBeenApplied: false, cause: .newTarget)
        }
        switch request {
        case .list(let request): return .targetNotFound(error(row, answer, list: request.listID))
        case .users, .userRename, .userDeletion, .events, .event: return .stop(error(row, answer))
        case .catalog(let request):
            return .targetNotFound(
                RunError(
                    code: "catalog_missing",
                    message: "The project has no catalog \"\(request.catalog)\" (HTTP \(answer.status))."))
        }
    }

    private static func success(_ answer: HTTPAnswer, request: DeliveryRequest) -> DeliveryAnswer {
        let unreadable = DeliveryAnswer.retry(
            unreadableReason(status: answer.status), after: nil, mayHaveBeenApplied: true, cause: .trouble)
        switch request {
        case .list(let request):
            guard let counts = DeliveryCounts(json: answer.body) else { return unreadable }
            return PartialFailures.answer(counts, request: NamedRequest(request), status: answer.status)
        case .users(let request):
            guard let counts = DeliveryCounts(json: answer.body) else { return unreadable }
            return PartialFailures.answer(counts, request: NamedRequest(request), status: answer.status)
        case .events(let request):
            guard let counts = EventCounts(json: answer.body) else { return unreadable }
            return EventFailures.answer(counts, events: request.events, status: answer.status)
        case .event:
            guard let track = TrackAnswer(json: answer.body) else { return unreadable }
            return .answered([track.outcome(status: answer.status)], httpStatus: answer.status)
        case .userRename, .userDeletion, .catalog:
            guard saysSuccess(answer.body) else { return unreadable }
            return .answered(Array(repeating: .succeeded, count: request.count), httpStatus: answer.status)
        }
    }

    private static func isJSONObject(_ body: [UInt8]) -> Bool {
        (try? JSONSerialization.jsonObject(with: Data(body))) is [String: Any]
    }

    /// Whether it is an object whose `code`, where it has one, is `Success`: something between us and Iterable may answer with
    /// another one.
    private static func saysSuccess(_ body: [UInt8]) -> Bool {
        guard let object = try? JSONDecoder().decode([String: JSONTree].self, from: Data(body)) else { return false }
        return [nil, .null, .string("Success")].contains(object["code"])
    }

    /// A refusal that names fields.
    private static func mismatch(_ row: AnswerRow, _ answer: HTTPAnswer, _ request: DeliveryRequest) -> DeliveryAnswer?
    {
        switch request {
        case .list, .users, .events, .event: break
        case .userRename, .userDeletion, .catalog: return nil
        }
        guard row.code == "type_mismatch" else { return nil }
        let found = TypeMismatches.read(answer.body)
        return found.isEmpty ? nil : .mismatched(reason(row, answer), found)
    }

    private static func refusal(_ row: AnswerRow, status: Int, request: DeliveryRequest) -> DeliveryAnswer {
        let namesPeople = if case .catalog = request { false } else { true }
        if namesPeople, request.count == 1, let failure = NamedFailure(refusalCode: row.code) {
            return .answered([failure.outcome(of: request.operation, status: status)], httpStatus: status)
        }
        return .refused(FailureReason(code: row.code, reason: row.message, httpStatus: status))
    }

    private static func unreadableReason(status: Int) -> FailureReason {
        FailureReason(
            code: "unreadable_answer", reason: "The server reported success, but its answer is not one of Iterable's.",
            httpStatus: status)
    }

    private static func reason(_ row: AnswerRow, _ answer: HTTPAnswer) -> FailureReason {
        FailureReason(code: row.code, reason: row.message, httpStatus: answer.status)
    }

    private static func error(_ row: AnswerRow, _ answer: HTTPAnswer, list: Int64? = nil) -> RunError {
        let code = facts(of: answer).code.map { ", code \($0)" } ?? ""
        let list = list.map { " It was asked for list \($0)." } ?? ""
        return RunError(code: row.code, message: "\(row.message)\(list) (HTTP \(answer.status)\(code))", hint: row.hint)
    }

    private static func facts(of answer: HTTPAnswer) -> AnswerFacts {
        guard !(200...399).contains(answer.status) else {
            return AnswerFacts(status: answer.status)
        }
        let envelope = ErrorEnvelope(json: answer.body)
        return AnswerFacts(
            status: answer.status, code: envelope.code, isHTML: startsLikeHTML(answer.body),
            namesUnknownList: envelope.namesUnknownList, namesUnknownUser: envelope.namesUnknownUser)
    }

    /// Whether the first visible byte is that of a tag.
    private static func startsLikeHTML(_ body: [UInt8]) -> Bool {
        let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D, 0xEF, 0xBB, 0xBF]
        return body.first { !blanks.contains($0) } == UInt8(ascii: "<")
    }
}

/// The body of Iterable's errors: `{"msg":…,"code":…,"params":…}`.
struct ErrorEnvelope {
    /// One of ``knownCodes``; anything else is not passed on.
    var code: String?
    var namesUnknownList: Bool
    var namesUnknownUser: Bool

    init(json body: [UInt8]) {
        let fields = try? JSONDecoder().decode(Fields.self, from: Data(body))
        code = fields?.code.flatMap { Self.knownCodes.contains($0) ? $0 : nil }
        // A BadJsonBody message may echo the request, and with it words that a person put into an identifier.
        namesUnknownList = code != "BadJsonBody" && Self.namesUnknownList(fields?.msg ?? "")
        namesUnknownUser = code == "BadParams" && (fields?.msg ?? "").hasPrefix("User does not exist")
    }

    /// `error.lists.invalidListId(42)`, perhaps after the route in brackets, or `Invalid email list id`.
    private static func namesUnknownList(_ message: String) -> Bool {
        var text = message[...]
        if text.first == "[", let end = text.firstIndex(of: "]") { text = text[text.index(after: end)...] }
        text = text.drop { $0 == " " }
        return text.hasPrefix("error.lists.invalidListId") || text.hasPrefix("Invalid email list id")
    }

    private struct Fields: Decodable {
        var msg: String?
        var code: String?

        enum CodingKeys: CodingKey { case msg, code }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            msg = try? container.decode(String.self, forKey: .msg)
            code = try? container.decode(String.self, forKey: .code)
        }
    }

    /// Source: `IterableApiResponse.code` in Iterable's API description.
    static let knownCodes: Set<String> = [
        "Success", "BadApiKey", "BadAuthorizationHeader", "BadJsonBody", "BadParams", "BatchTooLarge", "Conflict",
        "DatabaseError", "EmailAlreadyExists", "ExternalKeyConflict", "Forbidden", "ForbiddenParamsError",
        "ForgottenUserError", "GenericError", "InvalidEmailAddressError", "InvalidJwtPayload", "InvalidUserIdError",
        "JwtUserIdentifiersMismatched", "NotFound", "QueueEmailError", "RateLimitExceeded",
        "RequestFieldsTypesMismatched", "Unauthorized", "UniqueFieldsLimitExceeded", "UnknownEmailError",
        "UnknownUserIdError", "UserIdAlreadyExists",
    ]
}
