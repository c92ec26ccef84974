package import RollcallCore
package import Warehouse

/// The receivers of a process.
package struct ReceiverSetup: Sendable {
    package var receivers: [ReceiverSettings]
    package var listen: ReceiverListenSettings
    /// By name of the warehouse; all of the configuration, for the spool may hold bodies for those that no receiver names any more.
    package var stores: [String: any ReceiverStore]

    package init(receivers: [ReceiverSettings], listen: ReceiverListenSettings, stores: [String: any ReceiverStore]) {
        self.receivers = receivers
        self.listen = listen
        self.stores = stores
    }
}

/// A request, before its body.
package struct ReceiverHead: Sendable {
    /// Upper case.
    package var method: String
    /// Without the query, not percent-decoded.
    package var path: String
    /// Names in lower case, in their order; repeated ones are repeated. `host` is among them.
    package var headers: [(name: String, value: String)]
    /// Address at the other end of the connection, without a port; nil: not known.
    package var peer: String?

    package init(method: String, path: String, headers: [(name: String, value: String)], peer: String?) {
        self.method = method
        self.path = path
        self.headers = headers
        self.peer = peer
    }

    /// The values of a header, in their order.
    func values(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }
}

/// An answer to a request.
package struct ReceiverAnswer: Sendable, Equatable {
    /// 200 (`/healthz` only), 204, 400, 401, 403, 404, 405, 408, 413 or 503.
    package var status: Int
    /// `Allow`, `Retry-After`, `WWW-Authenticate`.
    package var headers: [String: String]
    /// Empty, or one line of JSON.
    package var body: String
    /// Whether the connection is closed after it, because the body is not read.
    package var closes: Bool

    package init(status: Int, headers: [String: String] = [:], body: String = "", closes: Bool = false) {
        self.status = status
        self.headers = headers
        self.body = body
        self.closes = closes
    }

    static let done = ReceiverAnswer(status: 204)

    static func refused(
        _ status: Int, _ code: String, _ message: String, hint: String? = nil, headers: [String: String] = [:],
        closes: Bool = true
    ) -> ReceiverAnswer {
        let error = JSON.object(["code": .string(code), "message": .string(message), "hint": .string(hint)])
        let body = JSON.object(["error": error])
        return ReceiverAnswer(status: status, headers: headers, body: body.text, closes: closes)
    }

    /// - Parameter seconds: after which the sender may try again.
    static func unavailable(_ message: String, seconds: Int, closes: Bool = false) -> ReceiverAnswer {
        refused(
            503, "unavailable", message, hint: "Send it again later.", headers: ["Retry-After": String(seconds)],
            closes: closes)
    }
}

/// A request whose body may be read.
package struct ReceiverTicket: Sendable {
    let settings: ReceiverSettings
    let lane: WarehouseLane
    let longestBody: Int
    /// Whether it goes through everything and leaves nothing behind.
    let isTest: Bool

    /// The receiver's name.
    package var receiver: String { settings.name }
    /// Bytes that the body may have.
    package var maxBody: Int { longestBody }
}

/// What becomes of a request, as far as its head says.
package enum Admission: Sendable {
    case answer(ReceiverAnswer)
    /// The body is to be read, and given to ``ReceiverService/take(_:_:)``.
    case take(ReceiverTicket)
}
