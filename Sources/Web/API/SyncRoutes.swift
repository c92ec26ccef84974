import Foundation
import Hummingbird
import RollcallCore
import SyncEngine

/// `/api/v1/syncs`
struct SyncRoutes: Sendable {
    let service: SyncService
    let limits: RequestLimits
    /// Looking a person up reads a whole audience: only a few at once.
    let lookups: Slots

    var routes: [Route] {
        [
            Route(.get, "/api/v1/syncs", .reader) { request, _ in
                try await list(request)
            },
            Route(.get, "/api/v1/syncs/{name}", .reader) { request, context in
                _ = try Query(request, known: [])
                return Reply.json(APIObject.sync(try await service.status(of: try context.part("name"))))
            },
            Route(.post, "/api/v1/syncs/{name}/runs", .operators) { try await start($0, $1) },
            Route(.post, "/api/v1/syncs/{name}/pause", .operators) { try await setPaused(true, $0, $1) },
            Route(.post, "/api/v1/syncs/{name}/resume", .operators) { try await setPaused(false, $0, $1) },
            Route(.get, "/api/v1/syncs/{name}/ticks", .reader) { try await ticks($0, $1) },
            Route(.get, "/api/v1/syncs/{name}/why", .reader) { try await why($0, $1) },
        ]
    }

    /// In the configuration's order; the cursor is the last sync's name.
    private func list(_ request: Request) async throws -> Response {
        let query = try Query(request, known: ["limit", "cursor"])
        let limit = try query.integer("limit", in: Paging.range) ?? Paging.range.upperBound
        var syncs = await service.statuses()[...]
        if let cursor = query["cursor"] {
            guard let last = syncs.firstIndex(where: { $0.settings.name == cursor }) else { throw Paging.badCursor }
            syncs = syncs[(last + 1)...]
        }
        let page = syncs.prefix(limit)
        return Reply.json(
            APIObject.page(page.map(APIObject.sync), next: syncs.count > limit ? page.last?.settings.name : nil))
    }

    private func start(_ request: Request, _ context: WebContext) async throws -> Response {
        let name = try context.part("name")
        let fields = try await request.jsonFields(
            RunOption.self, known: RunOption.names, expected: RunOption.expected, context, limits: limits)
        let wanted = try RunOption.request(fields)
        try await wanted.refuseMisuse(of: name, service)
        let run = try await service.start(name, wanted)
        return Reply.json(APIObject.run(run), status: .accepted, headers: [.location: "/api/v1/runs/\(run.id)"])
    }

    private func setPaused(_ paused: Bool, _ request: Request, _ context: WebContext) async throws -> Response {
        _ = try await request.jsonFields(
            Bool.self, known: [], expected: "No body is needed.", context, limits: limits)
        return Reply.json(APIObject.sync(try await service.setPaused(try context.part("name"), paused)))
    }

    private func ticks(_ request: Request, _ context: WebContext) async throws -> Response {
        let query = try Query(request, known: ["since", "limit", "cursor"])
        let limit = try query.integer("limit", in: Paging.range) ?? Paging.size
        var before: Date?
        if let cursor = query["cursor"] {
            guard let milliseconds = Int64(cursor) else { throw Paging.badCursor }
            before = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
        }
        let ticks = try await service.ticks(
            try context.part("name"), since: try query.time("since"), before: before, limit: limit + 1)
        let page = ticks.prefix(limit)
        let next = ticks.count > limit ? page.last.map { "\(Int64($0.dueAt.timeIntervalSince1970 * 1000))" } : nil
        return Reply.json(APIObject.page(page.map(APIObject.tick), next: next))
    }

    private func why(_ request: Request, _ context: WebContext) async throws -> Response {
        let query = try Query(request, known: ["identifier"])
        let name = try context.part("name")
        guard let identifier = query["identifier"], !identifier.isEmpty, identifier.utf8.count <= 1000 else {
            let kind = try await service.status(of: name).settings.kind
            throw Problem.badParameter("identifier", kind.identifiers)
        }
        guard let slot = lookups.take() else { throw Slots.problem }
        let report = try await service.why(name, identifier)
        withExtendedLifetime(slot) {}
        return Reply.json(APIObject.why(report, sync: name, identifier: identifier))
    }
}

extension RecordKind {
    /// By what a person or a record is looked up.
    fileprivate var identifiers: String {
        switch self {
        case .list: "an email or a userId"
        case .users: "a key, an email or a userId"
        case .events: "a key, the id of an event, an email or a userId"
        case .catalog: "a key or the id of an item"
        }
    }
}

/// How lists come in pages.
enum Paging {
    static let size = 50
    static let range = 1...500
    static let badCursor = Problem.badParameter("cursor", "the `next` of the page before")
}
