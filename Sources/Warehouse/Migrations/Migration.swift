/// One numbered step of the state tables. Forward-only: once released, a step is never edited.
struct Migration: Sendable {
    /// From 1, without gaps.
    var version: Int
    var name: String
    /// The oldest version whose programs can work with the tables after this step: the number after `-- compatible_from:` in the
    /// file. It is the step's own where it says `-- needs: stop`: processes of the version before must have ended.
    var compatibleFrom: Int
    /// Statements of the adapter's own dialect, run in one transaction.
    var sql: String
}

/// How new state tables are, and whether this program can work with them.
struct StateVersion: Equatable {
    var version: Int
    /// The oldest version whose programs can work with the tables; nil where the tables do not say so.
    var compatibleFrom: Int?

    /// The migration from which on the tables say which versions work together.
    static let firstThatSays = 6

    /// Why a program that knows `migrations` cannot work with the tables; nil where it can.
    /// - Parameter place: where the tables are, for the message.
    func refusal(_ migrations: [Migration], place: String) -> WarehouseError? {
        let known = migrations.last?.version ?? 0
        guard version > known, (compatibleFrom ?? version) > known else { return nil }
        return WarehouseError(
            .schemaTooNew,
            "The state tables \(place) are of version \(version); this Rollcall knows versions up to \(known).",
            hint: "Use the newer Rollcall that wrote them.")
    }

    /// What `check` says of tables that this program can work with.
    func standing(_ migrations: [Migration]) -> String {
        let known = migrations.last?.version ?? 0
        if version < known { return "version \(version); the next run upgrades it to \(known)" }
        if version > known { return "version \(version), which works with this Rollcall's \(known)" }
        return "version \(version)"
    }
}
