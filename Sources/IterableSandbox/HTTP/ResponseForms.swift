import Hummingbird
import NIOCore

extension Reply {
    /// The answer as one of HTTP.
    func response() -> Response {
        var headers: HTTPFields = [:]
        headers[.contentType] = contentType
        if let retryAfterSeconds { headers[.retryAfter] = String(retryAfterSeconds) }
        if contentType.hasPrefix("text/html") {
            headers[.contentSecurityPolicy] = "default-src 'none'; style-src 'unsafe-inline'"
        }
        let status = HTTPResponse.Status(code: status)
        switch body {
        case .data(let data):
            return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: data)))
        case .chunks(let chunks):
            let body = ResponseBody { writer in
                for chunk in chunks { try await writer.write(chunk) }
                try await writer.finish(nil)
            }
            return Response(status: status, headers: headers, body: body)
        }
    }

    /// The answer to a request beyond its limit, in the form that the options choose.
    static func rateLimited(_ style: SandboxRateLimitStyle, limit: String, path: String) -> Reply {
        let message = "Exceeded rate limit of \(limit) for endpoint: \(path), project: \(SandboxState.projectID) "
        var reply =
            switch style.body {
            case .json: envelope("RateLimitExceeded", message, params: [:], status: 429)
            case .plainText: text("Rate limit exceeded. Please try again later.", status: 429)
            }
        reply.retryAfterSeconds = style.retryAfterSeconds
        return reply
    }

    /// The answer to a key that is not accepted.
    static func badKey(_ message: String, ip: String, path: String) -> Reply {
        envelope("BadApiKey", message, params: ["ip": .string(ip), "endpoint": .string(path)], status: 401)
    }

    /// The answer that a fault gives instead of the true one.
    static func status(_ status: Int, fault: Fault, options: SandboxOptions, call: APICall) -> Reply {
        var reply: Reply =
            switch status {
            case 401: badKey("Invalid API key", ip: "127.0.0.1", path: call.path)
            case 403: envelope("Forbidden", "Forbidden", status: 403)
            case 404: unknownRoute
            case 408: text("", status: 408)
            case 409: envelope("Conflict", "Conflict", status: 409)
            case 413: gatewayPage(413, "Request Entity Too Large")
            case 429: rateLimited(options.rateLimitStyle, limit: "5.0 per second", path: call.path)
            case 500: envelope("GenericError", "Please try again later", status: 500)
            case 502: gatewayPage(502, "Bad Gateway")
            case 503: gatewayPage(503, "Service Temporarily Unavailable")
            case 504: gatewayPage(504, "Gateway Time-out")
            case ..<500: envelope("BadParams", "Refused on request", status: status)
            default: gatewayPage(status, "Server Error")
            }
        if let seconds = fault.retryAfterSeconds { reply.retryAfterSeconds = seconds }
        return reply
    }

    /// The same answer without the second half of its body.
    func truncated() -> Reply {
        guard case .data(let data) = body else { return self }
        var reply = self
        reply.body = .data(data.prefix(data.count / 2))
        return reply
    }

    /// JSON in which nothing has the documented type.
    static let wrongTypes = json([
        "successCount": "many", "failCount": nil, "invalidEmails": "none", "invalidUserIds": [:],
        "failedUpdates": ["a", 1], "createdFields": true, "filteredOutFields": 0,
    ])
}
