import Hummingbird
import NIOCore
import RollcallCore
import SyncEngine
import Synchronization

/// `GET /api/v1/events`: what happens, as server-sent events.
/// Source: HTML Living Standard, Server-sent events.
struct EventRoutes: Sendable {
    let service: SyncService
    let streams: Slots
    let closing: Closing
    /// Time between two keep-alive comments.
    let heartbeat: Duration
    /// Events that wait for a slow client; the oldest go first.
    private static let buffered = 64

    var routes: [Route] {
        [
            Route(.get, "/api/v1/events", .reader) { request, _ in
                _ = try Query(request, known: [])
                guard let slot = streams.take() else { throw Slots.problem }
                var headers: HTTPFields = [.contentType: "text/event-stream"]
                headers[.cacheControl] = "no-store"
                return Response(status: .ok, headers: headers, body: body(slot))
            }
        ]
    }

    private func body(_ slot: Slots.Slot) -> ResponseBody {
        ResponseBody { writer in
            let (lines, continuation) = AsyncStream.makeStream(
                of: String.self, bufferingPolicy: .bufferingNewest(Self.buffered))
            let ticket = closing.add { continuation.finish() }
            defer { closing.remove(ticket) }
            try await writer.write(ByteBuffer(string: "retry: 3000\n\n"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await event in service.events(buffering: Self.buffered) {
                        continuation.yield(Self.text(event))
                    }
                    continuation.finish()
                }
                group.addTask {
                    while true {
                        try await Task.sleep(for: heartbeat)
                        continuation.yield(": alive\n\n")
                    }
                }
                defer { group.cancelAll() }
                for await line in lines { try await writer.write(ByteBuffer(string: line)) }
            }
            try await writer.finish(nil)
            withExtendedLifetime(slot) {}
        }
    }

    /// JSON has no line breaks outside of strings, and none unescaped inside: one data line is enough.
    static func text(_ event: ServiceEvent) -> String {
        let (name, data) = object(event)
        return "event: \(name)\ndata: \(data.text)\n\n"
    }

    private static func object(_ event: ServiceEvent) -> (String, JSON) {
        switch event {
        case .started(let run): ("run_started", APIObject.run(run))
        case .progress(let live): ("progress", APIObject.live(live))
        case .ended(let run): ("run_ended", APIObject.run(run))
        case .tick(let tick): ("tick", APIObject.tick(tick))
        case .alert(let alert): ("alert", APIObject.alert(alert))
        case .paused(let sync, let paused): ("paused", .object(["sync": .string(sync), "paused": .bool(paused)]))
        case .reloaded: ("reloaded", .object([]))
        case .reloadRefused(let error): ("reload_refused", APIObject.error(error))
        case .problem(let problem): ("problem", ProblemReport.json(problem))
        case .solved(let problem): ("solved", ProblemReport.json(problem))
        }
    }
}

/// What must end before the server can: answers that would never end.
final class Closing: Sendable {
    private struct State {
        var isClosed = false
        var next = 0
        var actions: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// `action` is called once, when the server closes; at once if it has closed already.
    func add(_ action: @escaping @Sendable () -> Void) -> Int {
        let (id, isClosed) = state.withLock { state in
            state.next += 1
            if !state.isClosed { state.actions[state.next] = action }
            return (state.next, state.isClosed)
        }
        if isClosed { action() }
        return id
    }

    func remove(_ id: Int) { _ = state.withLock { $0.actions.removeValue(forKey: id) } }

    func close() {
        let actions = state.withLock { state in
            state.isClosed = true
            defer { state.actions = [:] }
            return Array(state.actions.values)
        }
        for action in actions { action() }
    }
}
