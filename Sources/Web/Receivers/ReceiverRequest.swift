import NIOHTTP1
import Receivers

/// What the listener must know of a request beside what ``ReceiverService`` is asked.
struct ReceiverRequest: Sendable {
    var version = HTTPVersion.http1_1
    /// Whether the connection may be used again after it.
    var keepsAlive = false
    /// Its answer has no body, whatever it says of its length.
    var isHead = false
    /// Bytes of the body; nil: they come in chunks.
    var length: Int? = 0
    /// The client waits for a go-ahead before it sends the body (RFC 9110, section 10.1.1).
    var expectsContinue = false
    /// The body is compressed.
    var isEncoded = false

    /// A request that could not be read.
    init() {}

    init(_ head: HTTPRequestHead) {
        version = head.version
        isHead = head.method == .HEAD
        // What comes after an upgrade or a CONNECT is not HTTP.
        keepsAlive = head.isKeepAlive && head.method != .CONNECT && !head.headers.contains(name: "upgrade")
        length =
            head.headers.contains(name: "transfer-encoding")
            ? nil : head.headers.first(name: "content-length").map { Int($0) ?? .max } ?? 0
        let isLate = head.version.minor > 0 && length != 0
        expectsContinue =
            isLate && head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
        isEncoded = head.headers[canonicalForm: "content-encoding"].contains {
            !$0.isEmpty && $0.lowercased() != "identity"
        }
    }

    /// The head as the service reads it; nil where HTTP/1.1 wants it refused: without a Host, or with two (RFC 9112, section 3.2).
    /// - Parameter peer: address of the other end, without port.
    static func head(_ head: HTTPRequestHead, peer: String?) -> ReceiverHead? {
        let hosts = head.headers[canonicalForm: "host"].count
        guard hosts == 1 || hosts == 0 && head.version == .http1_0 else { return nil }
        let target = RequestTarget(head.uri)
        var headers = head.headers.map { (name: $0.name.lowercased(), value: $0.value) }
        if let authority = target.authority {
            // It counts more than the header (RFC 9112, section 3.2.2).
            headers.removeAll { $0.name == "host" }
            headers.append((name: "host", value: authority))
        }
        return ReceiverHead(
            method: head.method.rawValue.uppercased(), path: target.path, headers: headers, peer: peer)
    }
}

/// What a request asks for: `/hook?a=1`, or, as through a proxy, `http://example.com/hook?a=1` (RFC 9112, section 3.2).
struct RequestTarget: Sendable, Equatable {
    /// Without query.
    var path: String
    /// Host and port, of the second form only.
    var authority: String?

    init(_ text: String) {
        let whole = text.utf8.prefix { $0 != UInt8(ascii: "?") }
        path = String(Substring(whole))
        guard whole.first != UInt8(ascii: "/"), let scheme = path.firstRange(of: "://") else { return }
        let rest = path[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        self.authority = String(authority)
        path = authority.endIndex == rest.endIndex ? "/" : String(rest[authority.endIndex...])
    }
}
