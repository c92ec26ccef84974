import GRDB

extension SQLiteWarehouse: SourceWatching {
    package func watch(
        channel: String?, onWake: @escaping @Sendable () -> Void
    ) async throws(WarehouseError) -> any SourceWatch {
        guard channel == nil else {
            throw WarehouseError(
                .other, "SQLite has no notifications that could wake a stream.",
                hint:
                    "Take `wake` out of the stream; a look at a SQLite file to which nothing was written costs next to"
                    + " nothing.")
        }
        let watch = SQLiteWatch(file, watches)
        guard watches.add(watch) else { throw SQLiteFile.closed }
        return watch
    }

    package func isPaused(sync: String) async throws(WarehouseError) -> Bool {
        try await read(false) { database in
            try database.firstRow(
                "SELECT paused FROM rollcall_sync_state WHERE sync_name = :sync", ["sync": .of(sync)]
            ) { $0.count(0) != 0 } ?? false
        }
    }
}
