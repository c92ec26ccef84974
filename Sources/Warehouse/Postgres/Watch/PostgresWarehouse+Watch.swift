extension PostgresWarehouse: SourceWatching {
    /// Returns when it was tried once to listen: what is committed from then on wakes, also where it did not succeed yet.
    package func watch(
        channel: String?, onWake: @escaping @Sendable () -> Void
    ) async throws(WarehouseError) -> any SourceWatch {
        guard let channel else { return BlindWatch() }
        let watch = try PostgresWatch(settings, channel: channel, onWake: onWake) { [self] payload in
            try await notify(channel, payload)
        } onEnd: { [watches] in
            watches.remove($0)
        }
        guard watches.add(watch) else {
            throw WarehouseError(.connection, code: "warehouse_closed", "The warehouse was closed.")
        }
        await watch.begin()
        return watch
    }

    private func notify(_ channel: String, _ payload: String) async throws(WarehouseError) {
        _ = try await write { try $0.modify("SELECT pg_catalog.pg_notify($1, $2)", [channel, payload]) }
    }

    package func isPaused(sync: String) async throws(WarehouseError) -> Bool {
        try await read(orWithoutTables: false) { session in
            try session.query("SELECT paused FROM sync_state WHERE sync_name = $1", [sync]).boolean(0, 0)
        }
    }
}
