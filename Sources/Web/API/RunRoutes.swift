import Hummingbird
import NIOCore
import RollcallCore
import SyncEngine
import Warehouse

/// `/api/v1/runs`
struct RunRoutes: Sendable {
    let service: SyncService
    let limits: RequestLimits

    var routes: [Route] {
        [
            Route(.get, "/api/v1/runs", .reader) { request, _ in try await list(request) },
            Route(.get, "/api/v1/runs/{id}", .reader) { request, context in
                _ = try Query(request, known: [])
                return Reply.json(APIObject.run(try await service.run(try Self.id(context))))
            },
            Route(.get, "/api/v1/runs/{id}/records", .reader) { try await records($0, $1) },
            Route(.post, "/api/v1/runs/{id}/cancel", .operators) { request, context in
                let id = try await idOnly(request, context)
                return Reply.json(APIObject.run(try await service.cancel(id)), status: .accepted)
            },
            Route(.post, "/api/v1/runs/{id}/approve", .operators) { request, context in
                let id = try await idOnly(request, context)
                return Reply.json(
                    APIObject.run(try await service.approve(id)), status: .accepted,
                    headers: [.location: "/api/v1/runs/\(id)"])
            },
            Route(.post, "/api/v1/runs/{id}/discard", .operators) { request, context in
                let id = try await idOnly(request, context)
                return Reply.json(APIObject.run(try await service.discard(id)))
            },
        ]
    }

    /// The run of the path.
    static func id(_ context: WebContext) throws(Problem) -> String {
        let id = try context.part("id").lowercased()
        guard RunID.isValid(id) else {
            throw Problem(.notFound, "run_unknown", "\"\(DisplayText.safe(id, limit: 60))\" is not the id of a run.")
        }
        return id
    }

    /// The run of the path, of a request that needs no body.
    private func idOnly(_ request: Request, _ context: WebContext) async throws -> String {
        _ = try await request.jsonFields(Bool.self, known: [], expected: "No body is needed.", context, limits: limits)
        return try Self.id(context)
    }

    private func list(_ request: Request) async throws -> Response {
        let query = try Query(request, known: ["sync", "status", "since", "limit", "cursor"])
        let limit = try query.integer("limit", in: Paging.range) ?? Paging.size
        var filter = RunFilter(
            sync: query["sync"], status: try query.choice("status", of: RunStatus.self), limit: limit + 1)
        filter.since = try query.time("since")
        if let cursor = query["cursor"] {
            guard RunID.isValid(cursor) else { throw Paging.badCursor }
            filter.before = cursor
        }
        let found = try await service.runs(filter)
        let page = found.runs.prefix(limit)
        return Reply.json(
            APIObject.page(
                page.map(APIObject.run), next: found.runs.count > limit ? page.last?.id : nil,
                also: await missing(from: found, filter)))
    }

    /// What keeps runs out of a list: warehouses that did not answer, which are not asked again, and syncs whose state is in
    /// another one or may be. Of a list of one sync, there is nothing: it is refused instead.
    private func missing(from list: RunList, _ filter: RunFilter) async -> [(key: String, value: JSON)] {
        if filter.sync != nil { return [] }
        let unreachable = list.unreachable.sorted { $0.key < $1.key }.map { name, error -> JSON in
            .object(["warehouse": .string(name), "error": APIObject.error(error)])
        }
        let statuses = await service.statuses(leavingOut: Set(list.unreachable.keys))
        let elsewhere = statuses.filter(\.isMissingState).map { status -> JSON in
            .object(["sync": .string(status.settings.name), "error": status.problem.map(APIObject.error) ?? .null])
        }
        return [("unreachable", unreachable), ("state_elsewhere", elsewhere)].filter { !$0.1.isEmpty }
            .map { (key: $0.0, value: .array($0.1)) }
    }

    private func records(_ request: Request, _ context: WebContext) async throws -> Response {
        let query = try Query(request, known: ["status", "limit", "cursor", "format"])
        let format = try query.choice("format", of: RecordFormat.self)
        var filter = RecordFilter()
        filter.runID = try Self.id(context)
        filter.status = try query.choice("status", of: RecordStatus.self)?.rawValue
        if let cursor = query["cursor"] {
            guard let id = Int64(cursor) else { throw Paging.badCursor }
            filter.before = id
        }
        let limit = try query.integer("limit", in: Paging.range)
        // Also says whether there is such a run.
        let run = try await service.run(filter.runID ?? "")
        if format == .csv || (format == nil && request.accepts("text/csv")) {
            return RecordDownload(
                service: service, filter: filter, limit: limit, hasRecords: run.kind != .list
            ).response(name: run.id)
        }
        let size = limit ?? Paging.size
        filter.limit = size + 1
        let found = try await service.allRecords(filter)
        let page = found.prefix(size)
        return Reply.json(
            APIObject.page(
                page.map(APIObject.record), next: found.count > size ? page.last.map { "\($0.recordID)" } : nil))
    }
}

/// How records are wanted.
enum RecordFormat: String, CaseIterable {
    case json
    case csv
}

/// What became of a record.
enum RecordStatus: String, CaseIterable {
    case succeeded
    case failed
    case unknown
    case notAttempted = "not_attempted"
    /// Of events: the person is not there yet.
    case waiting
}
