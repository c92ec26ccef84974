import Hummingbird
import RollcallCore
import SyncEngine

/// The calls with which RudderStack's operators for Airflow and Dagster start a sync and wait for it; the sync's name stands
/// for the connection's id. Source: RudderStack's documentation of its Reverse ETL API, and its clients.
struct TriggerRoutes: Sendable {
    let service: SyncService
    let limits: RequestLimits

    var routes: [Route] {
        [
            Route(.post, "/v2/retl-connections/{sync}/start", .operators) { try await start($0, $1) },
            Route(.get, "/v2/retl-connections/{sync}/syncs/{id}", .reader) { _, context in
                let name = try context.part("sync")
                let run = try await service.run(try RunRoutes.id(context))
                guard run.sync == name else {
                    throw Problem(
                        .notFound, "run_unknown", "The run is not one of \"\(DisplayText.safe(name, limit: 60))\".")
                }
                return Reply.json(Self.status(run))
            },
        ]
    }

    private func start(_ request: Request, _ context: WebContext) async throws -> Response {
        let expected = "syncType is \"incremental\" or \"full\"."
        let fields = try await request.jsonFields(
            String.self, known: ["syncType"], expected: expected, context, limits: limits)
        let type = fields["syncType"] ?? "incremental"
        guard type == "incremental" || type == "full" else {
            throw Problem(.badRequest, "bad_field", "There is no such kind of sync.", hint: expected)
        }
        var wanted = RunRequest()
        wanted.trigger = .api
        wanted.full = type == "full"
        let name = try context.part("sync")
        try await wanted.refuseMisuse(of: name, service)
        let id = try await start(name, wanted)
        return Reply.json(.object(["syncId": .string(id)]))
    }

    /// The id of the run that was begun, or of the one that is held: the operators show a failed sync's error, but of a
    /// refused start only that they have tried too often.
    private func start(_ sync: String, _ wanted: RunRequest) async throws -> String {
        do {
            return try await service.start(sync, wanted).id
        } catch {
            guard error.kind == .alreadyHeld, let held = error.runID else { throw error }
            return held
        }
    }

    /// Three words for all statuses: what completed with failures succeeded; what is held has not.
    static func status(_ run: SyncRun) -> JSON {
        let word: String
        var error = run.error?.message
        switch run.status {
        case .queued, .running: word = "running"
        case .succeeded, .completedWithFailures: (word, error) = ("succeeded", nil)
        case .held:
            word = "failed"
            let found = run.held.map { $0.clause(run.kind) }.joined(separator: "; ")
            error = "held by a guard, nothing was sent: \(found). Approve or discard run \(run.id)."
        case .failed, .cancelled, .skipped, .interrupted:
            word = "failed"
            error = error ?? "the run was \(run.status.rawValue)"
        }
        return .object(["id": .string(run.id), "status": .string(word), "error": .string(error)])
    }
}
