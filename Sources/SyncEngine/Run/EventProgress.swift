package import RollcallCore
import Warehouse

extension SyncService {
    /// How far a sync of events has read; nil: nothing was read yet, or it is of another kind.
    package func eventCursor(_ sync: String) async throws(ServiceError) -> EventCursor? {
        try await askEvents(sync, nil) { try await $0.eventCursor(sync: sync) }
    }

    /// How many events of a sync are in each state; on millions of them that takes a second. Empty for other kinds.
    package func eventCounts(_ sync: String) async throws(ServiceError) -> [EventState: Int] {
        try await askEvents(sync, [:]) { try await $0.eventCounts(sync: sync) }
    }

    private func askEvents<R: Sendable>(
        _ sync: String, _ none: R, _ question: @Sendable (any ServiceWarehouse) async throws -> R
    ) async throws(ServiceError) -> R {
        guard let settings = generation.setup.sync(sync) else { throw unknown(sync: sync) }
        return settings.kind == .events ? try await ask(generation.setup.state(of: settings), question) : none
    }
}
