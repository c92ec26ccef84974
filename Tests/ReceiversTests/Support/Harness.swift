import Foundation
import RollcallCore
import Synchronization
import Warehouse

@testable import Receivers

/// Notes, as they come.
final class NoteLog: Sendable {
    private struct State {
        var notes: [ReceiverNote] = []
        var watchers: [(String, CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var notes: [ReceiverNote] { state.withLock { $0.notes } }
    var kinds: [String] { notes.map { String($0.kind.dropFirst("receiver_".count)) } }

    func add(_ note: ReceiverNote) {
        let woken = state.withLock { state in
            state.notes.append(note)
            defer { state.watchers.removeAll { note.kind == "receiver_" + $0.0 } }
            return state.watchers.filter { note.kind == "receiver_" + $0.0 }.map(\.1)
        }
        for watcher in woken { watcher.resume() }
    }

    /// Returns when a note of this kind has come, without its prefix.
    func wait(for kind: String) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.notes.contains(where: { $0.kind == "receiver_" + kind }) { return true }
                state.watchers.append((kind, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}

/// One process with receivers.
struct Harness: Sendable {
    static let token = "project:key"

    let store: MemoryStore
    let clock: ManualClock
    let notes = NoteLog()
    let service: ReceiverService

    /// - Parameters:
    ///   - receivers: with the path `/NAME`, in the warehouse `crm`, unless they say something else.
    ///   - others: further warehouses.
    init(
        _ receivers: [ReceiverSettings] = [receiver("r")], store: MemoryStore = MemoryStore(), spool: URL? = nil,
        others: [String: any ReceiverStore] = [:], clock: ManualClock = ManualClock(),
        listen change: (inout ReceiverListenSettings) -> Void = { _ in }
    ) {
        self.store = store
        self.clock = clock
        store.database.setClock { clock.trueTime }
        var listen = ReceiverListenSettings()
        listen.spoolPath = spool?.path
        change(&listen)
        let setup = ReceiverSetup(
            receivers: receivers, listen: listen, stores: ["crm": store].merging(others) { $1 })
        service = ReceiverService(setup, clock: clock) { [notes] in notes.add($0) }
    }

    static func receiver(_ name: String, _ change: (inout ReceiverSettings) -> Void = { _ in }) -> ReceiverSettings {
        var settings = ReceiverSettings(
            name: name, path: "/" + name, warehouse: "crm", credentials: [.token(Secret(token))])
        change(&settings)
        return settings
    }

    /// Runs the service for as long as `body` takes, and stops it.
    func run<R: Sendable>(_ body: @escaping @Sendable (Harness) async throws -> R) async throws -> R {
        let run = Task { await service.run() }
        let result = await Result.of { try await body(self) }
        let end = Task { await service.stop() }
        // Whatever still hangs is given up.
        clock.advance(by: .zero)
        await end.value
        await run.value
        return try result.get()
    }

    func head(
        _ receiver: String = "r", method: String = "POST", headers: [(name: String, value: String)] = [],
        peer: String? = "127.0.0.1", token: String? = Harness.token
    ) -> ReceiverHead {
        let given = token.map { [(name: "authorization", value: $0)] } ?? []
        return ReceiverHead(
            method: method, path: "/" + receiver, headers: [(name: "host", value: "localhost")] + given + headers,
            peer: peer)
    }

    func post(
        _ body: String, to receiver: String = "r", headers: [(name: String, value: String)] = []
    ) async -> ReceiverAnswer {
        switch service.admit(head(receiver, headers: headers)) {
        case .answer(let answer): return answer
        case .take(let ticket): return await service.take(Array(body.utf8), ticket)
        }
    }

    /// The statuses of the answers to `{"n":…}` of these numbers, posted at once.
    func post(numbers: some Sequence<Int> & Sendable) async -> [Int] {
        await withTaskGroup(of: Int.self) { group in
            for number in numbers { group.addTask { await post("{\"n\":\(number)}").status } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// Lets pauses between attempts pass until a note of this kind has come.
    func pass(until kind: String) async { await pass { notes.kinds.contains(kind) } }

    /// Lets pauses between attempts pass until something holds.
    func pass(_ condition: () -> Bool) async {
        while !condition() {
            if clock.hasPause { clock.advance(by: .seconds(1)) }
            await Task.yield()
        }
    }

    /// How often each body of ``post(numbers:)`` is in the warehouse.
    var deliveries: [String: Int] { store.database.deliveries }
}

extension MemoryDatabase {
    /// By payload.
    var deliveries: [String: Int] { Self.deliveries(contents) }

    static func deliveries(_ contents: Contents) -> [String: Int] {
        Dictionary(
            contents.events.values.map { (String(decoding: $0.event.payload, as: UTF8.self), $0.deliveries) },
            uniquingKeysWith: +)
    }
}

extension Result where Failure == any Error {
    static func of(_ body: () async throws -> Success) async -> Self {
        do { return .success(try await body()) } catch { return .failure(error) }
    }
}
