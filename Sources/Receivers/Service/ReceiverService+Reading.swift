package import RollcallCore
package import Warehouse

/// What was received, for pages and the API.
extension ReceiverService {
    /// Longer than a page is waited for.
    private static let readLimit = Duration.seconds(5)

    /// Those of the configuration, in its order.
    package var receivers: [ReceiverSettings] {
        let (lanes, names) = lanesAndReceivers()
        let all = lanes.flatMap(\.receivers)
        return names.compactMap { name in all.first { $0.name == name } }
    }

    /// The newest events that the warehouse has, newest first; none of a receiver that is not configured.
    /// - Throws: why the warehouse cannot be read.
    package func events(_ filter: ReceivedFilter) async throws(RunError) -> [ReceivedEventRow] {
        try await read(filter.receiver) { store throws(WarehouseError) in try await store.receivedEvents(filter) }
    }

    /// The newest bodies that were no JSON objects, newest first; none of a receiver that is not configured.
    /// - Throws: why the warehouse cannot be read.
    package func rejectedBodies(receiver: String, limit: Int) async throws(RunError) -> [RejectedBody] {
        try await read(receiver) { store throws(WarehouseError) in
            try await store.rejectedBodies(receiver: receiver, limit: limit)
        }
    }

    private func read<Item: Sendable>(
        _ receiver: String, _ body: @escaping @Sendable (any ReceiverStore) async throws(WarehouseError) -> [Item]
    ) async throws(RunError) -> [Item] {
        let lane = lanesAndReceivers().lanes.first { $0.receivers.contains { $0.name == receiver } }
        guard let lane else { return [] }
        switch await lane.call(atMost: Self.readLimit, body) {
        case .success(let items): return items
        case .failure(let error): throw error.error
        }
    }
}
