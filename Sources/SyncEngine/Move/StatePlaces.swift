package import RollcallCore
import Warehouse

/// What a look for states in the other warehouses of the configuration has found.
package struct StatePlaces: Sendable {
    /// The name of the warehouse in which the configuration has the states.
    let home: String
    /// Of each sync the name of the warehouse that has its state, or had it last. A sync is left out where no warehouse that
    /// could be read knows it.
    private(set) var places: [String: String] = [:]
    /// Warehouses that could not be read, in the configuration's order, and why.
    let unread: [(warehouse: String, error: WarehouseError)]

    /// - Parameter answers: of each warehouse, in the configuration's order, how often the state of each sync that it has was
    ///   moved.
    init(home: String, answers: [(warehouse: String, moves: Result<[String: Int64], WarehouseError>)]) {
        self.home = home
        var most: [String: Int64] = [:]
        var unread: [(warehouse: String, error: WarehouseError)] = []
        for (warehouse, answer) in answers {
            switch answer {
            case .success(let moves):
                for (sync, count) in moves where count > most[sync] ?? -1 {
                    (most[sync], places[sync]) = (count, warehouse)
                }
            case .failure(let error): unread.append((warehouse, error))
            }
        }
        self.unread = unread
    }

    /// What keeps a sync from beginning that has no state where the configuration has it: `state_elsewhere`, or `state_unknown`
    /// where a warehouse could not be read and the others do not have the state. It may be there: `state` or `warehouse` may
    /// have named any of them before. nil: none of them has it.
    package func problem(of sync: SyncSettings) -> RunError? {
        if let place = places[sync.name] { return .stateElsewhere(sync, in: place, home: home, isMarked: false) }
        return unread.isEmpty ? nil : unknown(sync)
    }

    /// Keeps what an earlier look has found in a warehouse that could not be read this time.
    mutating func keep(_ earlier: StatePlaces, of sync: String) {
        guard places[sync] == nil, let place = earlier.places[sync] else { return }
        if unread.contains(where: { $0.warehouse == place }) { places[sync] = place }
    }

    private func unknown(_ sync: SyncSettings) -> RunError {
        let names = unread.map(\.warehouse).joined(separator: ", ")
        let reasons = unread.map { "the warehouse \($0.warehouse) could not be read: \($0.error.error.message)" }
        return RunError(
            code: RunError.stateUnknownCode,
            message: "the sync \(sync.name) has no state in \(home) yet, and another warehouse may have it: "
                + reasons.joined(separator: "; "),
            hint:
                "Nothing was begun: a run that begins from nothing sends everybody again and takes off none of those who have left."
                + " Make \(names) readable, then run again." + grants(sync) + wayWithout(sync))
    }

    /// The sync reads its source, so that no configuration leaves it out.
    private func grants(_ sync: SyncSettings) -> String {
        let source = unread.first { $0.warehouse == sync.warehouse }
        return source?.error.readGrants.map { " In \(sync.warehouse), which \(sync.name) reads: \($0)" } ?? ""
    }

    private func wayWithout(_ sync: SyncSettings) -> String {
        let others = unread.map(\.warehouse).filter { $0 != sync.warehouse }.joined(separator: ", ")
        if others.isEmpty { return "" }
        return " If the state is certainly not in \(others), run \(sync.name) once with a copy of the"
            + " configuration that leaves \(others) out (`--config`): once \(home) has the state, no other warehouse is looked at."
    }
}

extension RunError {
    /// `state_elsewhere`: the state of a sync is in another warehouse than the configuration has it in.
    /// - Parameters:
    ///   - place: the name of the warehouse that has it.
    ///   - home: the name of the one in which the configuration has it.
    ///   - isMarked: whether `home` is marked as left: it stays so, whatever becomes of the other place.
    package static func stateElsewhere(
        _ sync: SyncSettings, in place: String, home: String, isMarked: Bool
    ) -> RunError {
        let stay = place == sync.warehouse ? "without `state:`" : "with `state: \(place)`"
        let move = isMarked ? "moves it, or ends a move that was broken off" : "moves it"
        let begin = isMarked ? "" : " To begin from nothing: `rollcall abandon \(sync.name) --warehouse \(place)`."
        return RunError(
            code: stateElsewhereCode,
            message: "the state of the sync \(sync.name) is in the warehouse \(place),"
                + " and the configuration has it in \(home)",
            hint: "`rollcall move-state \(sync.warehouse) --from \(place)` \(move);"
                + " \(stay) at the warehouse \(sync.warehouse) it stays there." + begin)
    }

    /// Whether it is `state_elsewhere` or `state_unknown`: a sync has no state where the configuration has it, and another
    /// warehouse has it or may have it.
    package var isMissingState: Bool { code == RunError.stateElsewhereCode || code == RunError.stateUnknownCode }

    static let stateElsewhereCode = "state_elsewhere"
    static let stateUnknownCode = "state_unknown"
}
