import Hummingbird
import RollcallCore

/// Why a request is refused, as `application/problem+json` (RFC 9457) or as a page.
struct Problem: Error, Sendable {
    var status: HTTPResponse.Status
    /// Lower-case words joined by underscores; stable.
    var code: String
    /// One sentence: what is wrong.
    var detail: String
    /// How to fix it.
    var hint: String?
    /// The run in the way, where there is one.
    var runID: String?
    /// Headers that belong to the status: `WWW-Authenticate`, `Allow`, `Retry-After`.
    var headers = HTTPFields()

    init(_ status: HTTPResponse.Status, _ code: String, _ detail: String, hint: String? = nil, runID: String? = nil) {
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.runID = runID
    }

    /// The object. `type` is a relative reference, so that it can be looked up where the documentation lies.
    var json: JSON {
        var fields: [(key: String, value: JSON)] = [
            ("type", .string("urn:rollcall:problem:\(code)")), ("title", .string(status.reasonPhrase)),
            ("status", .integer(status.code)), ("detail", .string(detail)), ("code", .string(code)),
            ("hint", .string(hint)),
        ]
        if let runID { fields.append(("run_id", .string(runID))) }
        return .object(fields)
    }

    /// The answer for programs.
    var response: Response { Reply.text(json.text, type: "application/problem+json", status: status, headers: headers) }
}

extension Problem {
    static let unauthorized: Problem = {
        var problem = Problem(
            .unauthorized, "unauthorized", "A valid token is needed.",
            hint: "Send it as Authorization: Bearer TOKEN; tokens come from ROLLCALL_TOKENS or server.tokens.")
        problem.headers[.wwwAuthenticate] = "Bearer realm=\"rollcall\""
        return problem
    }()

    static func forbidden(_ name: String) -> Problem {
        Problem(
            .forbidden, "forbidden", "The token \"\(DisplayText.safe(name, limit: 200))\" may look, but not act.",
            hint: "Use a token with the role operator.")
    }

    static let notFound = Problem(
        .notFound, "not_found", "There is nothing at this address.",
        hint: "GET /api/v1/openapi.json lists all there is.")

    static func methodNotAllowed(_ allowed: [String]) -> Problem {
        var problem = Problem(
            .methodNotAllowed, "method_not_allowed",
            "This address takes \(allowed.joined(separator: ", ")) only.")
        problem.headers[.allow] = allowed.joined(separator: ", ")
        return problem
    }

    static func badParameter(_ name: String, _ expected: String) -> Problem {
        Problem(.badRequest, "bad_parameter", "The parameter \(name) must be \(expected).")
    }
}
