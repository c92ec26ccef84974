/// How the state of a sync moves from one warehouse to another. The rules of ``Warehouse`` hold.
///
/// A place, which is the state tables of one warehouse, is *open* for a sync, or *closed*: then its lease is given to
/// no process, and says where the state is instead. Each place counts in `moves` how often the state had been moved when it came
/// there, or more. Of several places the one with the highest number has the state; what the others have is older. Whoever moves a
/// state closes all other places first, then the one that has it, and opens one at the end: at each moment one place at most
/// is open.
package protocol StateTransfer: Sendable {
    /// What tells this state from every other one, a UUID; nil where the tables are not there, or older than that.
    func stateID() async throws(WarehouseError) -> String?
    /// What is here of a sync.
    func stateStanding(sync: String) async throws(WarehouseError) -> StateStanding
    /// What tells a copy of this state from another name of it.
    func stateTrace(sync: String) async throws(WarehouseError) -> StateTrace
    /// How many rows of the sync each table has that moves with it; tables that no run has upgraded yet may be left out.
    func stateCounts(sync: String) async throws(WarehouseError) -> [StateTable: Int]
    /// Closes this place for the sync of the lease, which ends by that.
    /// - Parameters:
    ///   - place: where the state is, or is being moved to.
    ///   - moves: the least that the place counts from now on: a state that is in use outranks all others also once it is closed.
    func closeState(
        _ lease: Lease, for place: StatePlace, atLeast moves: Int64
    ) async throws(WarehouseError) -> StateMark
    /// As ``closeState(_:for:atLeast:)`` for a place that is closed already. Whoever closed it before can write nothing any more.
    /// Throws ``WarehouseError/Kind/leaseLost`` where it is open, or says something else by now.
    /// - Parameter id: where this place says that the state is, so far.
    func closeStateAgain(
        sync: String, insteadOf id: String, for place: StatePlace
    ) async throws(WarehouseError) -> StateMark
    /// Gives every row of the sync, table after table in the order of ``StateTable``, in one consistent view; memory stays
    /// bounded.
    func readState(sync: String, _ body: @escaping @Sendable (StatePart) throws -> Void) async throws
    /// Replaces what is here of the sync by what `parts` gives, proves that each table has as many rows as were given, and
    /// opens this place, all in one transaction. The next lease has a higher token than any of either place.
    ///
    /// Throws ``WarehouseError/Kind/conflict`` where what is here is not older than `source`, and
    /// ``WarehouseError/Kind/leaseLost`` where the mark is another's.
    func receiveState(
        _ mark: StateMark, from source: StateMark, _ parts: any StateParts
    ) async throws(WarehouseError)
    /// Opens a closed place, with the state that it has; from then on it counts the mark's moves.
    func openState(_ mark: StateMark) async throws(WarehouseError)
}

extension StateTransfer {
    /// Closes a place that counts what it counts.
    package func closeState(_ lease: Lease, for place: StatePlace) async throws(WarehouseError) -> StateMark {
        try await closeState(lease, for: place, atLeast: 0)
    }
}

/// A place for state, as a mark in another place names it.
package struct StatePlace: Sendable, Equatable {
    /// As ``StateTransfer/stateID()`` has it.
    package var id: String
    /// The name of the warehouse in the configuration.
    package var name: String

    package init(id: String, name: String) {
        self.id = id
        self.name = name
    }
}

/// What a place has of a sync.
package struct StateStanding: Sendable, Equatable {
    /// What the rows of a sync amount to.
    package enum Content: Int, Sendable, Comparable {
        case none
        /// The sync is known: paused, scheduled, or its runs have failed so far. Nothing was ever sent.
        case known
        /// Something may have been sent that a run from the beginning would send again.
        case kept

        package static func < (one: Content, other: Content) -> Bool { one.rawValue < other.rawValue }
    }

    package var content: Content
    /// How often the state had been moved when it came here, or more than that where it had to outrank another place; 0 or more.
    package var moves: Int64
    /// Where the state is, or is being moved to; nil: this place is open.
    package var elsewhere: StatePlace?

    package init(content: Content = .none, moves: Int64 = 0, elsewhere: StatePlace? = nil) {
        self.content = content
        self.moves = moves
        self.elsewhere = elsewhere
    }
}

/// How far a place has come with a sync. Two databases with one ``StateTransfer/stateID()`` that have gone on apart differ in it.
package struct StateTrace: Sendable, Equatable {
    /// Of the last lease; it only grows. 0: there was none.
    package var token: Int64
    /// As ``StateStanding/moves``.
    package var moves: Int64
    /// Whether the place is a standby, which may lag behind its primary.
    package var isReplica: Bool

    package init(token: Int64 = 0, moves: Int64 = 0, isReplica: Bool = false) {
        self.token = token
        self.moves = moves
        self.isReplica = isReplica
    }
}

/// The right to write into a closed place, until it is closed again or opened.
package struct StateMark: Sendable, Equatable {
    package var sync: String
    /// Of the place's lease.
    package var token: Int64
    /// As ``StateStanding/moves``.
    package var moves: Int64

    package init(sync: String, token: Int64, moves: Int64) {
        self.sync = sync
        self.token = token
        self.moves = moves
    }
}

/// What a sync's state is given as: a table with its columns, then its rows.
package enum StatePart: Sendable, Equatable {
    case table(StateTable, columns: [String])
    /// A value for each column of the table before.
    case row([StateValue])
}

/// A value in the one form that all warehouses understand, which is SQLite's: times are ISO 8601 in UTC with milliseconds,
/// flags are 0 or 1, run ids are text, fingerprints are 16 bytes, JSON is text.
package enum StateValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case real(Double)
    /// Bytes, for a text of SQLite may be no UTF-8.
    case text([UInt8])
    case bytes([UInt8])
}

/// A sync's state that is read once, from its start.
package protocol StateParts: Sendable {
    /// nil: that was all.
    func next() throws -> StatePart?
}

extension WarehouseError {
    /// A place is closed for a sync.
    static func elsewhere(_ sync: String, _ name: String) -> WarehouseError {
        var error = WarehouseError(
            .stateElsewhere, code: "state_elsewhere",
            "The state of the sync \(sync) was moved from here to the warehouse \(name), or was to be.",
            hint: "Look at it with `rollcall check \(sync)`.")
        error.elsewhere = name
        return error
    }

    /// The mark with which a place is to be written to is no more.
    static func markLost(_ sync: String) -> WarehouseError {
        WarehouseError(
            .leaseLost, "Another process moves the state of the sync \(sync), or has moved it.",
            hint: "Look with `rollcall check \(sync)`, and run `rollcall move-state` again if it is needed.")
    }

    /// A place has something that must not be overwritten.
    static func notOlder(_ sync: String) -> WarehouseError {
        WarehouseError(
            .conflict, code: "state_conflict",
            "The state of the sync \(sync) is not replaced: what stands at its destination is not older.",
            hint: "Nothing was changed there. Run `rollcall move-state` again; it says which warehouse has the state.")
    }

    /// A table has not taken what it was given.
    static func rowsMissing(_ table: StateTable, _ taken: Int, of given: Int) -> WarehouseError {
        WarehouseError(
            .conflict, "The table \(table.rawValue) has \(taken) of \(given) rows that were moved into it.",
            hint: "A trigger or rule on it keeps rows away; take it off. Nothing was changed.")
    }
}
