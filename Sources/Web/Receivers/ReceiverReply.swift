import NIOHTTP1
import Receivers
import RollcallCore

/// An answer of the listener of receivers.
struct ReceiverReply: Sendable {
    var status: Int
    var headers: [(name: String, value: String)]
    /// `""` or JSON.
    var body: String
    /// Whether the connection is closed after it.
    var closes: Bool

    init(_ answer: ReceiverAnswer) {
        status = answer.status
        headers = answer.headers.map { (name: $0.key, value: $0.value) }
        body = answer.body
        closes = answer.closes
    }

    private init(
        _ status: Int, _ code: String, _ message: String, hint: String, headers: [(name: String, value: String)] = [],
        closes: Bool
    ) {
        self.status = status
        self.headers = headers
        self.closes = closes
        body =
            JSON.object([
                "error": .object(["code": .string(code), "message": .string(message), "hint": .string(hint)])
            ]).text
    }

    /// The head as it is sent. An answer without a body says so, except where the status allows none.
    func head(_ request: ReceiverRequest, closes: Bool) -> HTTPResponseHead {
        var fields = HTTPHeaders()
        fields.reserveCapacity(headers.count + 4)
        fields.add(name: "date", value: HTTPDate.now())
        for (name, value) in headers { fields.add(name: name, value: value) }
        if !body.isEmpty { fields.add(name: "content-type", value: "application/json") }
        if status != 204 { fields.add(name: "content-length", value: String(body.utf8.count)) }
        if closes {
            fields.add(name: "connection", value: "close")
        } else if request.version == .http1_0 {
            fields.add(name: "connection", value: "keep-alive")
        }
        return HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: fields)
    }
}

extension ReceiverReply {
    /// What is not HTTP, or of a kind that is not taken.
    static let badRequest = ReceiverReply(
        400, "bad_request", "This is not a request as HTTP/1.1 has it.",
        hint: "Send it with an HTTP client, without a second Host or Content-Length.", closes: true)

    static let headersTooLarge = ReceiverReply(
        431, "headers_too_large",
        "The head of the request is too large: 100 headers, 16 KB each and 32 KB together are taken.",
        hint: "Send less; the address and the headers together count.", closes: true)

    static let contentEncoding = ReceiverReply(
        415, "content_encoding", "Compressed bodies are not taken.", hint: "Send the body without Content-Encoding.",
        headers: [(name: "accept-encoding", value: "identity")], closes: false)
}
