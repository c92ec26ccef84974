import Foundation
import Synchronization

/// A TCP proxy on a free loopback port that does to connections what networks do to them.
///
/// A fault is set while connections are under way and acts on all of them. It happens as often as it was asked for, then
/// everything is forwarded again, on new connections and on those that are left.
package final class FaultyProxy: Sendable {
    package enum Direction: Sendable {
        case toServer
        case toClient
    }

    package enum Fault: Sendable {
        /// New connections are reset.
        case refuse
        /// Each piece that comes is kept back for so long.
        case delay(seconds: Double)
        /// The next piece to the server with this text in it, and what follows on its connection, is kept back until
        /// ``letGo()``, also when the client has given up.
        case keepBack(String)
        /// One byte at a time.
        case trickle
        /// After so many more bytes this way, the client's connection is reset and the server's closed.
        case reset(Direction, after: Int)
        /// After so many more bytes this way, both connections are closed in good order.
        case truncate(Direction, after: Int)
        /// After so many more bytes this way, nothing is forwarded either way and nothing is closed.
        case freeze(Direction, after: Int)
        /// After so many more pieces with this text in them, the next one is kept back and everything after it too.
        case freezeAt(String, after: Int)
        /// After so many more pieces with this text in them, the next one is forwarded; the server's answer to it is
        /// swallowed and the client's connection reset.
        case loseAnswer(to: String, after: Int)
        /// In each piece to the server the text gets an X for its first byte: the server does not know that word. It goes on
        /// as often as it was asked for.
        case misspell(String)
    }

    struct State {
        var fault: Fault?
        /// How often it is still to happen.
        var left = 0
        /// Bytes, or pieces, that pass until it happens.
        var bytes = 0
        var happened = 0
        var toServer = 0
        var toClient = 0
        var links: [ProxyLink] = []
        var isStopped = false
    }

    private let target: Int
    private let listener: LoopbackListener
    private let state = Mutex(State())

    /// - Parameter target: port on 127.0.0.1 that connections are forwarded to.
    package init(to target: Int) throws {
        self.target = target
        listener = try LoopbackListener()
        listener.accept { self.forward($0) }
    }

    package var port: Int { listener.port }

    package var baseURL: String { "http://127.0.0.1:\(port)" }

    /// How often a fault has happened since it was set.
    package var happened: Int { state.withLock { $0.happened } }

    /// Bytes that have come, each way.
    package var traffic: (toServer: Int, toClient: Int) { state.withLock { ($0.toServer, $0.toClient) } }

    /// Takes the place of the present fault.
    /// - Parameter times: how often it happens; `delay` and `trickle` count the pieces that they acted on.
    package func set(_ fault: Fault, times: Int = 1) {
        state.withLock { state in
            state.fault = fault
            state.left = times
            state.happened = 0
            state.bytes = Self.bytes(fault)
        }
    }

    /// Forwards everything again; frozen connections are reset.
    package func heal() {
        let links = state.withLock { state in
            state.fault = nil
            return state.links
        }
        for link in links where link.isFrozen { link.cut(reset: true) }
    }

    /// Whether a request is kept back to its last byte.
    package var keepsAWholeRequest: Bool { state.withLock { $0.links }.contains { $0.keepsAWholeRequest } }

    /// Forwards what was kept back.
    package func letGo() {
        for link in state.withLock({ $0.links }) { link.letGo() }
    }

    /// Resets all connections and takes no more.
    package func stop() {
        let links = state.withLock { state in
            state.isStopped = true
            return state.links
        }
        listener.stop()
        for link in links { link.cut(reset: true) }
    }

    private static func bytes(_ fault: Fault) -> Int {
        switch fault {
        case .reset(_, let bytes), .truncate(_, let bytes), .freeze(_, let bytes), .loseAnswer(_, let bytes),
            .freezeAt(_, let bytes):
            bytes
        default: 0
        }
    }

    private func forward(_ client: Int32) {
        let server = LoopbackAddress.connect(to: target)
        let link = ProxyLink(client: client, server: server)
        let isRefused = state.withLock { state in
            state.links.removeAll { $0.isOver }
            if server < 0 || state.isStopped { return true }
            if case .refuse = state.fault, state.left > 0 {
                state.left -= 1
                state.happened += 1
                return true
            }
            state.links.append(link)
            return false
        }
        if isRefused {
            link.cut(reset: true)
            link.end()
            link.end()
            return
        }
        for direction in [Direction.toServer, .toClient] {
            Thread {
                link.pump(direction) { self.judge($0, direction, link) }
                link.end()
            }.start()
        }
    }

    /// What is to be done with a piece that has come.
    private func judge(_ piece: ArraySlice<UInt8>, _ direction: Direction, _ link: ProxyLink) -> ProxyStep {
        state.withLock { state in
            if direction == .toServer { state.toServer += piece.count } else { state.toClient += piece.count }
            if link.losesAnswer && direction == .toClient {
                state.happened += 1
                return .cut(keep: 0, .reset)
            }
            guard let fault = state.fault, state.left > 0 else { return .pass }
            switch fault {
            case .refuse: return .pass
            case .delay(let seconds):
                state.left -= 1
                state.happened += 1
                return .hold(seconds)
            case .keepBack(let text):
                guard direction == .toServer && piece.contains(subsequence: Array(text.utf8)) else { return .pass }
                state.left -= 1
                state.happened += 1
                return .keep
            case .trickle:
                state.left -= 1
                state.happened += 1
                return .trickle
            case .loseAnswer(let text, _):
                guard direction == .toServer && piece.contains(subsequence: Array(text.utf8)) else { return .pass }
                state.bytes -= 1
                if state.bytes < 0 {
                    state.left -= 1
                    link.loseAnswer()
                }
                return .pass
            case .freezeAt(let text, _):
                guard direction == .toServer && piece.contains(subsequence: Array(text.utf8)) else { return .pass }
                state.bytes -= 1
                guard state.bytes < 0 else { return .pass }
                state.left -= 1
                state.happened += 1
                return .cut(keep: 0, .freeze)
            case .misspell(let text):
                guard direction == .toServer, let misspelled = piece.misspelling(Array(text.utf8)) else { return .pass }
                state.left -= 1
                state.happened += 1
                return .replace(misspelled)
            case .reset(direction, let bytes): return state.cut(piece, .reset, again: bytes)
            case .truncate(direction, let bytes): return state.cut(piece, .truncate, again: bytes)
            case .freeze(direction, let bytes): return state.cut(piece, .freeze, again: bytes)
            case .reset, .truncate, .freeze: return .pass
            }
        }
    }
}

extension FaultyProxy.State {
    fileprivate mutating func cut(_ piece: ArraySlice<UInt8>, _ way: ProxyStep.Cut, again: Int) -> ProxyStep {
        guard piece.count > bytes else {
            bytes -= piece.count
            return .pass
        }
        defer { bytes = again }
        left -= 1
        happened += 1
        return .cut(keep: bytes, way)
    }
}

extension ArraySlice<UInt8> {
    fileprivate func contains(subsequence: [UInt8]) -> Bool {
        guard count >= subsequence.count else { return false }
        return indices.dropLast(subsequence.count - 1).contains { self[$0...].starts(with: subsequence) }
    }

    /// With an X for the first byte of each occurrence; nil: there is none.
    fileprivate func misspelling(_ word: [UInt8]) -> ArraySlice<UInt8>? {
        let places = indices.filter { self[$0...].starts(with: word) }
        guard !places.isEmpty else { return nil }
        var changed = self
        for place in places { changed[place] = UInt8(ascii: "X") }
        return changed
    }
}
