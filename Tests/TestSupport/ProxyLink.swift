import Foundation
import Synchronization

/// What a proxy does with one piece.
enum ProxyStep {
    enum Cut {
        case reset
        case truncate
        case freeze
    }

    case pass
    case hold(Double)
    /// Until it is let go.
    case keep
    case trickle
    /// Forwards this instead.
    case replace(ArraySlice<UInt8>)
    /// Forwards so many bytes and then ends, or freezes, the connection.
    case cut(keep: Int, Cut)
}

/// One client's connection and the server's that belongs to it. Two threads pump, one each way.
final class ProxyLink: Sendable {
    private struct State {
        var isFrozen = false
        var isKept = false
        var kept: [UInt8] = []
        var losesAnswer = false
        var isCut = false
        var pumps = 2
    }

    private let client: Int32
    private let server: Int32
    private let state = Mutex(State())

    init(client: Int32, server: Int32) {
        self.client = client
        self.server = server
        var yes: Int32 = 1
        for descriptor in [client, server] {
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    var isFrozen: Bool { state.withLock { $0.isFrozen } }
    var losesAnswer: Bool { state.withLock { $0.losesAnswer } }
    var isOver: Bool { state.withLock { $0.pumps == 0 } }

    func loseAnswer() { state.withLock { $0.losesAnswer = true } }

    /// Whether what is kept back is a request to its last byte: its client has nothing left to send.
    var keepsAWholeRequest: Bool {
        let kept = state.withLock { $0.kept }
        let text = String(decoding: kept, as: UTF8.self)
        guard let head = text.range(of: "\r\n\r\n"),
            let field = text.range(of: "content-length: *[0-9]+", options: [.regularExpression, .caseInsensitive]),
            let length = Int(text[field].drop { !$0.isNumber })
        else { return false }
        return text[head.upperBound...].utf8.count >= length
    }

    /// Forwards what was kept back.
    func letGo() { state.withLock { $0.isKept = false } }

    /// One of the two pumps is done; the second one closes.
    func end() {
        state.withLock { state in
            state.pumps -= 1
            guard state.pumps == 0 else { return }
            close(client)
            if server >= 0 { close(server) }
        }
    }

    /// Ends both connections.
    func cut(reset: Bool) {
        state.withLock { state in
            state.isCut = true
            state.isFrozen = false
            state.isKept = false
            guard state.pumps > 0 else { return }
            if reset {
                // Closing sends a reset then, and nothing that is still kept.
                var abort = linger(l_onoff: 1, l_linger: 0)
                setsockopt(client, SOL_SOCKET, SO_LINGER, &abort, socklen_t(MemoryLayout<linger>.size))
                shutdown(client, Int32(SHUT_RD))
            } else {
                shutdown(client, Int32(SHUT_RDWR))
            }
            if server >= 0 { shutdown(server, Int32(SHUT_RDWR)) }
        }
    }

    /// Carries pieces one way until an end.
    func pump(_ direction: FaultyProxy.Direction, _ judge: (ArraySlice<UInt8>) -> ProxyStep) {
        let (source, sink) = direction == .toServer ? (client, server) : (server, client)
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            if count < 0 && errno == EINTR { continue }
            guard waitWhileFrozen() else { return }
            if count <= 0 { break }
            let piece = buffer[..<count]
            let arrived: Bool
            switch judge(piece) {
            case .pass:
                arrived = Self.send(piece, to: sink)
            case .hold(let seconds):
                usleep(UInt32(seconds * 1_000_000))
                arrived = Self.send(piece, to: sink)
            case .keep:
                arrived = Self.send(keep(piece, source)[...], to: sink)
            case .trickle:
                arrived = Self.trickle(piece, to: sink)
            case .replace(let other):
                arrived = Self.send(other, to: sink)
            case .cut(let keep, let way):
                _ = Self.send(piece.prefix(keep), to: sink)
                if way != .freeze { return cut(reset: way == .reset) }
                state.withLock { $0.isFrozen = !$0.isCut }
                guard waitWhileFrozen() else { return }
                arrived = true
            }
            guard arrived else {
                // What a server said before it closed is still on its way to the client; the other pump carries it and
                // then closes.
                if direction == .toClient { cut(reset: false) }
                return
            }
        }
        // One end has closed: so does the other.
        shutdown(sink, Int32(SHUT_WR))
        if direction == .toClient { cut(reset: false) }
    }

    /// Takes what comes until it is let go.
    private func keep(_ piece: ArraySlice<UInt8>, _ source: Int32) -> [UInt8] {
        state.withLock { state in
            state.isKept = !state.isCut
            state.kept = Array(piece)
        }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while state.withLock({ $0.isKept }) {
            let count = recv(source, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 { state.withLock { $0.kept += buffer[..<count] } } else { usleep(5_000) }
        }
        return state.withLock { state in
            defer { state.kept = [] }
            return state.kept
        }
    }

    /// False when the connection was cut meanwhile.
    private func waitWhileFrozen() -> Bool {
        while isFrozen { usleep(5_000) }
        return state.withLock { !$0.isCut }
    }

    /// Sends the beginning of a piece byte by byte and the rest at once: a long text must not take longer than a server
    /// waits for it, on a machine where each byte takes milliseconds.
    private static func trickle(_ piece: ArraySlice<UInt8>, to sink: Int32) -> Bool {
        let start = piece.prefix(500)
        for index in start.indices {
            guard send(piece[index...index], to: sink) else { return false }
            usleep(100)
        }
        return send(piece[start.endIndex...], to: sink)
    }

    private static func send(_ bytes: ArraySlice<UInt8>, to sink: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.send(sink, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}

enum LoopbackAddress {
    static func of(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        return address
    }

    /// A connected socket, or -1.
    static func connect(to port: Int) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = of(port: port)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                Foundation.connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        if isConnected { return descriptor }
        close(descriptor)
        return -1
    }
}
