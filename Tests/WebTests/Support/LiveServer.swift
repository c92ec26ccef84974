import Foundation
import NIOCore
import Synchronization
import Testing

@testable import Web

extension WebBench {
    /// Listens on a free port while `body` runs.
    func listening(_ body: (_ port: Int) async throws -> Void) async throws {
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let server = server
        let task = Task {
            defer { continuation.finish() }
            try await server.run { continuation.yield($0) }
        }
        let result: Result<Void, any Error>
        do {
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            try await body(port)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await server.stop()
        _ = await task.result
        try result.get()
    }
}

/// A plain TCP connection to this machine.
final class Wire: @unchecked Sendable {
    let socket: Int32
    /// Seconds to wait for something to come.
    private let patience: Int

    /// - Parameter receiveBuffer: bytes; small ones make a slow reader.
    init(port: Int, receiveBuffer: Int32? = nil, patience: Int = 60) throws {
        self.patience = patience
        socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var receiveBuffer {
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard socket >= 0, result == 0 else { throw WireError(code: errno) }
    }

    deinit { close(socket) }

    /// Nothing here blocks a thread: the server runs on the same ones.
    func send(_ text: String) async throws {
        var bytes = Array(text.utf8)[...]
        let deadline = ContinuousClock.now + .seconds(patience)
        while !bytes.isEmpty {
            guard ContinuousClock.now < deadline else { throw WireError(code: ETIMEDOUT) }
            let count = bytes.withUnsafeBytes {
                Foundation.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count > 0 { bytes = bytes.dropFirst(count) } else { try await pause(errno) }
        }
    }

    /// What has come; nil at the end of the connection.
    func receive() async throws -> String? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let deadline = ContinuousClock.now + .seconds(patience)
        while true {
            let count = recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count >= 0 { return count == 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self) }
            guard ContinuousClock.now < deadline else { throw WireError(code: ETIMEDOUT) }
            try await pause(errno)
        }
    }

    private func pause(_ code: Int32) async throws {
        guard code == EAGAIN || code == EINTR else { throw WireError(code: code) }
        try await Task.sleep(for: .milliseconds(2))
    }

    /// Reads until a text has come, or the connection ends.
    func receive(until text: String) async throws -> String {
        var all = ""
        while !all.contains(text), let part = try await receive() { all += part }
        return all
    }
}

struct WireError: Error { var code: Int32 }
