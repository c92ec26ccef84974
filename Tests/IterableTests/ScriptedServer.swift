import Foundation
import Glibc
import Synchronization
import TestSupport

/// A TCP server on a free port of the loopback interface that answers each request with what a test says, byte by byte:
/// cut off, reset, drip-fed, or never.
final class ScriptedServer: Sendable {
    /// One request as it arrived.
    struct Request: Sendable {
        /// The first line: `POST /api/lists/subscribe HTTP/1.1`.
        var line: String
        /// Names lower-cased.
        var headers: [String: String]
        var body: String
    }

    /// What is done with one request.
    enum Step: Sendable {
        case send(String)
        /// One byte at a time, for ever.
        case drip(String)
        /// Until the client hangs up.
        case hold
        case close
        /// Closes with an RST.
        case reset
    }

    private let listener: LoopbackListener
    private let script: @Sendable (Request, Int) -> [Step]
    /// Sent before anything is read.
    private let greeting: String
    private let received = Mutex<[Request]>([])

    /// - Parameter script: what to do with a request; the number counts the requests from 0.
    init(
        greeting: String = "", _ script: @escaping @Sendable (Request, Int) -> [Step] = { _, _ in [.close] }
    ) throws {
        self.script = script
        self.greeting = greeting
        listener = try LoopbackListener()
        listener.accept { [weak self] connection in
            guard let server = self else {
                Glibc.close(connection)
                return
            }
            Thread.detachNewThread { server.serve(connection) }
        }
    }

    deinit { listener.stop() }

    var port: Int { listener.port }

    var requests: [Request] { received.withLock { $0 } }
    var baseURL: String { "http://127.0.0.1:\(port)" }

    private func serve(_ connection: Int32) {
        var pending: [UInt8] = []
        guard Self.write(Array(greeting.utf8), to: connection) else { return }
        while let request = Self.read(connection, &pending) {
            let number = received.withLock { all in
                all.append(request)
                return all.count - 1
            }
            for step in script(request, number) where !Self.perform(step, on: connection) { return }
        }
        Glibc.close(connection)
    }

    /// Returns false when the connection is gone.
    private static func perform(_ step: Step, on connection: Int32) -> Bool {
        switch step {
        case .send(let text):
            if write(Array(text.utf8), to: connection) { return true }
        case .drip(let text):
            while write(Array(text.utf8.prefix(1)), to: connection), !hungUp(connection, within: 5) {}
        case .hold:
            while !hungUp(connection, within: 1000) {}
        case .close: break
        case .reset:
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        }
        Glibc.close(connection)
        return false
    }

    private static func write(_ bytes: [UInt8], to connection: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func hungUp(_ connection: Int32, within milliseconds: Int32) -> Bool {
        var descriptor = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, milliseconds) > 0 else { return false }
        var byte: UInt8 = 0
        return recv(connection, &byte, 1, 0) <= 0
    }

    /// Reads one request with its body; nil when the client hangs up.
    private static func read(_ connection: Int32, _ pending: inout [UInt8]) -> Request? {
        let blankLine = Array("\r\n\r\n".utf8)
        var head: Range<Int>?
        while true {
            if head == nil { head = pending.firstRange(of: blankLine) }
            if let head, let request = parse(pending, head: head) {
                pending.removeFirst(head.upperBound + request.body.utf8.count)
                return request
            }
            var chunk = [UInt8](repeating: 0, count: 65536)
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else {
                return nil
            }
            pending.append(contentsOf: chunk[..<count])
        }
    }

    /// nil while the body is not complete.
    private static func parse(_ bytes: [UInt8], head: Range<Int>) -> Request? {
        let lines = String(decoding: bytes[..<head.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        let length = headers["content-length"].flatMap(Int.init) ?? 0
        guard bytes.count >= head.upperBound + length else { return nil }
        let body = String(decoding: bytes[head.upperBound..<(head.upperBound + length)], as: UTF8.self)
        return Request(line: lines[0], headers: headers, body: body)
    }
}
