package import RollcallCore

/// Why a call to a warehouse failed.
package struct WarehouseError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        /// No connection, or it was lost: server down, restarted, network, authentication.
        case connection
        /// The role lacks a right; the hint has the GRANT.
        case permission
        /// A table, column, schema or file is missing.
        case missing
        /// The state tables are.
        case stateMissing = "state_missing"
        /// The user's query or its types are refused.
        case query
        /// Another writer holds the database, a deadlock or a serialisation failure, after own retries.
        case busy
        /// Disk or database full, or the file cannot be written.
        case storage
        /// A statement took longer than allowed.
        case timeout
        /// A standby ended the reading of a source, since changes of its primary had to be replayed.
        case recoveryConflict = "recovery_conflict"
        /// Another session locked what a source reads after its first rows had come.
        case lockTimeout = "lock_timeout"
        /// A source gave other rows than those of which it had said digests; they can be read without digests.
        case inconsistent
        /// The sync's lease is another's now.
        case leaseLost = "lease_lost"
        /// Another file has taken the place of the database's file since the lease was taken.
        case replaced
        /// The state tables are of a newer version than this binary knows.
        case schemaTooNew = "schema_too_new"
        /// What was asked does not fit the present state (a run that is not held, a second open run …).
        case conflict
        /// The sync's state was moved away; ``WarehouseError/elsewhere`` names where.
        case stateElsewhere = "state_elsewhere"
        /// A defect in Rollcall or the database.
        case other
    }

    package var kind: Kind
    package var error: RunError
    /// Whether the call was given up because its caller asked to stop (``WarehouseWait/isStopped``).
    package internal(set) var wasStopped = false
    /// The constraint that refused a row, where the database names one.
    var constraint: String?
    /// The SQL that lets the role read state tables, of a ``Kind/permission`` that it lacks on them; the hint's lets it write too.
    package internal(set) var readGrants: String?
    /// The name of the warehouse that has the sync's state, of ``Kind/stateElsewhere``.
    package internal(set) var elsewhere: String?

    package init(_ kind: Kind, code: String? = nil, _ message: String, hint: String? = nil) {
        self.kind = kind
        self.error = RunError(code: code ?? "warehouse_\(kind.rawValue)", message: message, hint: hint)
    }

    package var description: String { error.description }

    /// Whether what passes ended the reading of a source in its middle, so that it can only be begun again from its start.
    package var endsReading: Bool { kind == .recoveryConflict || kind == .lockTimeout }

    /// Whether the same call may succeed a little later.
    package var isTransient: Bool {
        kind == .connection || kind == .busy || kind == .timeout || kind == .inconsistent || endsReading
    }
}
