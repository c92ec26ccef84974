import Foundation
import TestSupport

/// A server on a free loopback port that gives every request the same answer, with the request's own head in it where
/// the answer says `{request}`: what a debugging proxy does.
final class OneAnswerServer: Sendable {
    private let listener: LoopbackListener

    /// - Parameters:
    ///   - onRequest: gets head and body of each request.
    ///   - answer: from the head of the request to the whole answer, head and body.
    init(
        onRequest: @escaping @Sendable (String, String) -> Void = { _, _ in },
        answer: @escaping @Sendable (String) -> String
    ) throws {
        listener = try LoopbackListener()
        listener.accept { connection in
            Self.respond(connection, onRequest, answer)
            close(connection)
        }
    }

    /// Answers with a status and a body; the connection is closed after it.
    convenience init(status: String, type: String, body: String) throws {
        try self.init { head in
            let body = body.replacingOccurrences(of: "{request}", with: head)
            return "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
                + "Connection: close\r\n\r\n\(body)"
        }
    }

    var port: Int { listener.port }
    var baseURL: String { "http://127.0.0.1:\(port)" }

    func stop() { listener.stop() }

    /// Reads the whole request, so that closing the connection does not reset it, and writes the answer.
    private static func respond(
        _ connection: Int32, _ onRequest: @Sendable (String, String) -> Void, _ answer: @Sendable (String) -> String
    ) {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while !isComplete(bytes) {
            let count = read(connection, &chunk, chunk.count)
            if count <= 0 { return }
            bytes += chunk[..<count]
        }
        let parts = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n\r\n")
        let head = parts[0]
        onRequest(head, parts.dropFirst().joined(separator: "\r\n\r\n"))
        let text = Array(answer(head).utf8)
        _ = send(connection, text, text.count, Int32(MSG_NOSIGNAL))
    }

    private static func isComplete(_ bytes: [UInt8]) -> Bool {
        let parts = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n\r\n")
        guard parts.count > 1 else { return false }
        let lengthLine = parts[0].lowercased().components(separatedBy: "\r\n").first { $0.hasPrefix("content-length:") }
        let length = lengthLine.flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
        return parts.dropFirst().joined(separator: "\r\n\r\n").utf8.count >= length
    }
}
