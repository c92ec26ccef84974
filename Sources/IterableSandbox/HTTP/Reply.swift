import Foundation
import NIOCore

/// An answer, before it becomes one of HTTP.
struct Reply: Sendable {
    /// The body of an answer.
    enum Body: Sendable {
        case data(Data)
        /// Sent one after the other without a length in the head.
        case chunks([ByteBuffer])
    }

    var status: Int
    var contentType: String
    var body: Body
    var retryAfterSeconds: Int?
    /// Why the request was refused, for the log.
    var reason: String?

    init(status: Int = 200, contentType: String, body: Body, reason: String? = nil) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.reason = reason
    }

    static func json(_ value: JSONValue, status: Int = 200, reason: String? = nil) -> Reply {
        Reply(status: status, contentType: "application/json", body: .data(value.encoded()), reason: reason)
    }

    static func text(_ text: String, status: Int = 200) -> Reply {
        Reply(status: status, contentType: "text/plain; charset=utf-8", body: .data(Data(text.utf8)))
    }

    static func html(_ text: String, status: Int = 200) -> Reply {
        Reply(status: status, contentType: "text/html; charset=utf-8", body: .data(Data(text.utf8)))
    }

    /// The usual envelope: a message, a code, and parameters that may be null.
    static func envelope(_ code: String, _ message: String, params: JSONValue = nil, status: Int = 200) -> Reply {
        let reason = status == 200 ? nil : "\(code): \(message)"
        return json(["msg": .string(message), "code": .string(code), "params": params], status: status, reason: reason)
    }

    /// The envelope of success.
    static func success(_ message: String = "", params: JSONValue = nil) -> Reply {
        envelope("Success", message, params: params)
    }

    /// A page of the gateway in front of the API.
    static func gatewayPage(_ status: Int, _ title: String) -> Reply {
        html(
            "<html>\r\n<head><title>\(status) \(title)</title></head>\r\n<body>\r\n"
                + "<center><h1>\(status) \(title)</h1></center>\r\n</body>\r\n</html>\r\n", status: status)
    }

    /// The page for a route that does not exist.
    static let unknownRoute = html(
        "<!DOCTYPE html><html lang=\"en\"><head><title>Action not found</title></head>"
            + "<body><h1>Action not found</h1></body></html>", status: 404)

    /// A body that is not what the endpoint takes.
    static func badJSON(_ path: String, _ fault: BodyFault) -> Reply {
        var reply = envelope("BadJsonBody", "[\(path)] Invalid JSON body", params: fault.params, status: 400)
        reply.reason = "BadJsonBody: \(fault.reason)"
        return reply
    }

    /// Parameters that are missing, of the wrong form, or name something unknown.
    static func badParams(_ message: String, params: JSONValue = nil) -> Reply {
        envelope("BadParams", message, params: params, status: 400)
    }

    /// `dataFields` that do not fit the types of the project.
    static func typesMismatched(_ errors: [String: JSONValue]) -> Reply {
        envelope(
            "RequestFieldsTypesMismatched",
            "Project \(SandboxState.projectID): The request does not have the same data types as the data previously "
                + "submitted.",
            params: ["validationErrors": .object(errors)], status: 400)
    }
}

/// A request that is refused with this answer.
struct Refusal: Error {
    let reply: Reply

    init(_ reply: Reply) { self.reply = reply }
}
