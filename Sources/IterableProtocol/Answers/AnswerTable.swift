import RollcallCore

/// What one HTTP answer of Iterable asks of the caller.
enum AnswerMeaning: Sendable, Equatable {
    /// Carried out, if the body bears it out.
    case success
    /// Refused whole, for its size or for one of its records.
    case refused
    case retry(mayHaveBeenApplied: Bool)
    /// Not carried out: too many requests.
    case rateLimited
    case listNotFound
    /// No request with this key or address can succeed.
    case stop
}

/// What an answer is judged by. The status decides; the rest only tells answers of one status apart.
struct AnswerFacts: Sendable, Equatable {
    var status: Int
    /// Iterable's own error code, if the body carries one.
    var code: String?
    /// The body is a web page: it comes from a proxy or a gateway.
    var isHTML = false
    /// The message says that the list does not exist. Iterable sends this with the code `Success`.
    var namesUnknownList = false
    /// The message says that the user does not exist. Iterable sends this with the code `BadParams`.
    var namesUnknownUser = false
}

/// One line of ``AnswerTable``.
struct AnswerRow: Sendable, Equatable {
    var statuses: ClosedRange<Int>
    /// Iterable's codes to which the row applies; nil: any code, or none.
    var codes: Set<String>?
    /// True: only for web pages.
    var onlyHTML = false
    /// True: only where the message names an unknown list.
    var onlyUnknownList = false
    /// True: only where the message names an unknown user.
    var onlyUnknownUser = false
    var meaning: AnswerMeaning
    /// Code under which Rollcall reports the answer.
    var code: String
    var message: String
    var hint: String?

    init(
        _ statuses: ClosedRange<Int>, codes: Set<String>? = nil, onlyHTML: Bool = false, onlyUnknownList: Bool = false,
        onlyUnknownUser: Bool = false, _ meaning: AnswerMeaning, _ code: String, _ message: String, hint: String? = nil
    ) {
        self.statuses = statuses
        self.codes = codes
        self.onlyHTML = onlyHTML
        self.onlyUnknownList = onlyUnknownList
        self.onlyUnknownUser = onlyUnknownUser
        self.meaning = meaning
        self.code = code
        self.message = message
        self.hint = hint
    }

    func applies(to facts: AnswerFacts) -> Bool {
        guard statuses.contains(facts.status) else { return false }
        if onlyHTML && !facts.isHTML { return false }
        if onlyUnknownList && !facts.namesUnknownList { return false }
        if onlyUnknownUser && !facts.namesUnknownUser { return false }
        guard let codes else { return true }
        return facts.code.map(codes.contains) ?? false
    }
}

/// The one table that says what each answer means; the first row that applies decides.
///
/// Sources: Iterable's API documentation (error codes) and the answers that public clients of Iterable have recorded.
enum AnswerTable {
    static let rows: [AnswerRow] =
        [
            AnswerRow(200...299, .success, "success", "Iterable carried out the request."),
            AnswerRow(
                300...399, .stop, "redirected", "The server answered with a redirect, which Rollcall never follows.",
                hint: "A proxy or a wrong base_url is the usual cause: point base_url at the API itself."),
        ] + badRequests + refusedKeys + otherClientErrors + [
            AnswerRow(
                500...599, .retry(mayHaveBeenApplied: true), "server_error",
                "Iterable or a gateway before it had an internal error.")
        ]

    /// For every status that no row knows.
    static let unexpected = AnswerRow(
        0...Int.max, .stop, "unexpected_answer", "The server gave an answer that Iterable's API does not give.",
        hint: "Check base_url, and any proxy between Rollcall and Iterable.")

    static func row(for facts: AnswerFacts) -> AnswerRow {
        rows.first { $0.applies(to: facts) } ?? unexpected
    }

    private static let proxyHint =
        "The answer is a web page, so it comes from a proxy or firewall, not from Iterable: "
        + "check base_url and the proxy."

    private static let serverKeyHint = "Use a server-side API key without JWT authentication."

    private static let badRequests: [AnswerRow] = [
        AnswerRow(
            400...400, onlyUnknownList: true, .listNotFound, "list_not_found",
            "The list does not exist in this project.",
            hint: "Check the list's id and that the API key belongs to the list's project."),
        AnswerRow(
            400...400, onlyUnknownUser: true, .refused, "not_found", "Iterable has no user with this identifier."),
        AnswerRow(
            400...400, onlyHTML: true, .stop, "proxy_answer", "The request was refused before it reached Iterable.",
            hint: proxyHint),
        AnswerRow(
            400...400, codes: ["BatchTooLarge"], .refused, "batch_too_large",
            "Iterable refused the request because it is too large."),
        AnswerRow(
            400...400, codes: ["BadJsonBody"], .refused, "invalid_json",
            "Iterable could not read the request; one value in it has a form that Iterable does not take."),
        AnswerRow(
            400...400, codes: ["RequestFieldsTypesMismatched"], .refused, "type_mismatch",
            "A value in the request has another type than the project's field."),
        AnswerRow(
            400...400, codes: ["UniqueFieldsLimitExceeded"], .stop, "fields_limit",
            "The project has as many fields as Iterable allows.",
            hint: "Send fewer fields: each that was ever sent counts, and none can be deleted."),
        AnswerRow(
            400...400, codes: ["InvalidEmailAddressError"], .refused, "invalid_email",
            "Iterable does not take this email address; correct it in the warehouse."),
        AnswerRow(
            400...400, codes: ["InvalidUserIdError"], .refused, "invalid_user_id",
            "Iterable does not take this userId; correct it in the warehouse."),
        AnswerRow(
            400...400, codes: ["ForgottenUserError"], .refused, "forgotten",
            "The person was forgotten in Iterable at their own request and cannot be put on a list."),
        AnswerRow(
            400...400, codes: ["UnknownEmailError", "UnknownUserIdError"], .refused, "not_found",
            "Iterable has no user with this identifier."),
        AnswerRow(
            400...400, codes: ["EmailAlreadyExists", "UserIdAlreadyExists", "ExternalKeyConflict"], .refused,
            "conflict",
            "The identifiers belong to different users in Iterable."),
        AnswerRow(
            400...400, codes: ["InvalidJwtPayload", "JwtUserIdentifiersMismatched", "BadAuthorizationHeader"], .stop,
            "api_key_kind", "The API key asks for a JWT with each request.", hint: serverKeyHint),
        AnswerRow(
            400...400, codes: ["BadApiKey", "Unauthorized", "Forbidden", "ForbiddenParamsError"], .stop,
            "api_key_forbidden", "The API key may not make this request.", hint: serverKeyHint),
        AnswerRow(400...400, .refused, "bad_request", "Iterable refused the request."),
    ]

    private static let refusedKeys: [AnswerRow] = [
        AnswerRow(
            401...401, onlyHTML: true, .stop, "proxy_answer", "The request was refused before it reached Iterable.",
            hint: proxyHint),
        AnswerRow(
            401...401, codes: ["InvalidJwtPayload", "JwtUserIdentifiersMismatched", "BadAuthorizationHeader"], .stop,
            "api_key_kind", "The API key asks for a JWT with each request.", hint: serverKeyHint),
        AnswerRow(
            401...401, .stop, "api_key_refused", "Iterable refused the API key.",
            hint: "A key belongs to one project and one data centre: check api_key and data_center."),
        AnswerRow(
            403...403, onlyHTML: true, .stop, "proxy_answer", "The request was refused before it reached Iterable.",
            hint: proxyHint),
        AnswerRow(
            403...403, .stop, "api_key_forbidden", "The API key may not make this request.", hint: serverKeyHint),
    ]

    private static let otherClientErrors: [AnswerRow] = [
        AnswerRow(
            404...404, .stop, "route_not_found", "The server does not know this call of Iterable's API.",
            hint: "Check base_url: it is the address of the API alone, without a path."),
        AnswerRow(
            408...408, .retry(mayHaveBeenApplied: true), "request_timeout",
            "The server gave up waiting for the request."),
        AnswerRow(
            409...409, onlyHTML: true, .stop, "proxy_answer", "The request was refused before it reached Iterable.",
            hint: proxyHint),
        AnswerRow(
            409...409, codes: ["ForgottenUserError"], .refused, "forgotten",
            "The person was forgotten in Iterable at their own request and cannot be put on a list."),
        AnswerRow(
            409...409, .refused, "conflict", "The identifiers of a person clash with those of another user in Iterable."
        ),
        AnswerRow(
            413...413, .refused, "batch_too_large", "Iterable refused the request because it is too large."),
        AnswerRow(429...429, .rateLimited, "rate_limited", "Iterable asks for fewer requests."),
    ]
}
