import CLibPQ

/// What the server or libpq said about one failed call; turned into a ``WarehouseError`` at the adapter's border.
struct PostgresFailure: Error {
    /// Five characters; nil where the failure is libpq's own (no connection).
    var sqlState: String?
    /// One line that quotes no value of a row: the server's primary message where it cannot quote one, else the name of
    /// the condition.
    var message: String
    /// Whether the server's text was left out, as it may quote a value.
    var isWithheld = false
    /// The server's own hint; nil where its message is not shown either.
    var hint: String?
    /// Position in the statement, in characters from 1.
    var position: Int?
    /// The constraint that refused a row.
    var constraint: String?
    /// The role whose statement failed, for GRANTs.
    var role: String = ""
    /// Whether the connection is gone.
    var isDisconnected = false
    /// Whether a transaction that was to write met a server that only replays the changes of another one.
    var isStandby = false
    /// Whether there never was a connection, so that nothing has been run.
    var isBeforeConnection = false
    /// Whether the reading that failed had given something to its caller before, so that it cannot be begun again.
    var isAfterRows = false

    /// PostgreSQL's documentation, appendix A, "PostgreSQL Error Codes".
    var kind: WarehouseError.Kind {
        guard let sqlState else { return isDisconnected ? .connection : .other }
        if isDisconnected { return sqlState == "53100" ? .storage : .connection }
        if let kind = Self.kinds[sqlState] { return kind }
        return Self.classes[String(sqlState.prefix(2))] ?? .other
    }

    private static let kinds: [String: WarehouseError.Kind] = [
        "57P01": .connection, "57P02": .connection, "57P03": .connection, "57P05": .connection, "53300": .connection,
        "25P03": .connection, "25006": .query, "42501": .permission, "42P01": .missing, "3F000": .missing,
        "42703": .missing, "3D000": .connection, "57014": .timeout, "25P04": .timeout, "40001": .busy,
        "40P01": .busy, "55P03": .busy, "53100": .storage, "58030": .storage, "54000": .query, "23505": .conflict,
    ]

    private static let classes: [String: WarehouseError.Kind] = [
        "08": .connection, "28": .connection, "22": .query, "42": .query, "0A": .query, "21": .query, "P0": .query,
        "2F": .query, "38": .query, "39": .query, "53": .storage, "40": .busy,
    ]

    /// Whether the same transaction may go through at once: after a deadlock or a serialisation failure.
    var isWorthRepeating: Bool { sqlState?.hasPrefix("40") == true && !isDisconnected }

    /// Whether a standby ended the reading of a source, or its connection, to replay changes of its primary. Messages are in the
    /// server's language, codes are not: a reading begins no serializable transaction, so that nothing else has the code of a
    /// serialisation failure. A deadlock is one with the replay on a standby only. Source: PostgreSQL's documentation, section 26.4.2,
    /// "Handling Query Conflicts", and its source, `ProcessInterrupts`. A connection that ends while the server sends rows has no
    /// code: the server could not say why any more.
    func isRecoveryConflict(onStandby isOnStandby: Bool) -> Bool {
        sqlState == "40001" || (isOnStandby && (sqlState == "40P01" || isDisconnected))
    }

    /// Whether a lock was not had in time; the transaction was rolled back.
    var isLockTimeout: Bool { sqlState == "55P03" && !isDisconnected }

    /// Whether a lock was not had in time, and the same call can be made again to wait on for it. Not every lock comes before
    /// the first row: that of a TOAST table is taken for each value (PostgreSQL's source, `heap_fetch_toast_slice`), and a
    /// function of a query may take any.
    var isWorthWaiting: Bool { isLockTimeout && !isAfterRows }

    /// Whether a table or schema does not exist.
    var isMissingTable: Bool { sqlState == "42P01" || sqlState == "3F000" }

    /// Whether the server refused a statement for what it is, not for what it found: the role may not call a function, or the
    /// server lacks it or the statement. There may be a slower way.
    var isIncapable: Bool { ["42501", "42601", "42883", "0A000"].contains(sqlState) && !isDisconnected }

    /// Whether a statement has more columns or a deeper term than the server takes (class 54, "Program Limit Exceeded").
    var isBeyondLimit: Bool { sqlState?.hasPrefix("54") == true && !isDisconnected }

    /// Whether a statement took more time, memory or disk than it was given (query canceled, disk full, out of memory,
    /// configuration limit exceeded, which is `temp_file_limit`); another one may take less.
    var isBeyondMeans: Bool { ["57014", "53100", "53200", "53400"].contains(sqlState) && !isDisconnected }

    /// Whether a text has a character that the database's encoding lacks (untranslatable character), or that is none in the
    /// encoding of the connection.
    var isUnheldCharacter: Bool { sqlState == "22P05" || sqlState == "22021" }

    var warehouseError: WarehouseError {
        let hint = hint ?? connectionHint ?? defaultHint
        var error = WarehouseError(
            kind, code: isStandby ? "warehouse_standby" : nil,
            isStandby
                ? "The Postgres server is a standby, on which nothing can be written." : "Postgres: \(message)",
            hint: isStandby ? Self.standbyHint : hint)
        error.constraint = constraint
        return error
    }

    private var defaultHint: String? {
        if isUnheldCharacter {
            return "The database's encoding lacks a character of a name or text; use one that it has, or a database of"
                + " encoding UTF8."
        }
        return switch kind {
        case .busy where sqlState == "40001": "Another transaction changed the same rows meanwhile; try again."
        case .busy: "Another session holds a lock that is needed. pg_locks and pg_blocking_pids() name it; try again."
        case .timeout: "The statement took longer than allowed, or was cancelled by an administrator."
        case .storage: "Free disk space or raise the limits of the server."
        default: nil
        }
    }

    static let standbyHint =
        "To read the standby, keep the state elsewhere: set `state` of this warehouse to the name of one that can be written. Or let"
        + " the URL name the primary; with several hosts, add target_session_attrs=read-write."
}

// MARK: What may be shown

extension PostgresFailure {
    /// Where an error comes from, as far as that says whether its text can quote a value.
    struct Origin {
        /// It carries a context: it was raised inside of a function, a COPY line or a trigger.
        var hasContext: Bool
        /// It points to a place in the statement that was sent: the parser refused it.
        var hasPosition: Bool
    }

    /// Whether the server's text may be shown. Anything raised inside of a function may have any text, and any code. The
    /// server's own text quotes values in class 22 (`invalid input syntax for type integer: "ada@example.com"`) and, for
    /// casts to names (`'ada@example.com'::regclass`), in class 42; the parser's text names what stands in the query.
    static func mayShow(_ sqlState: String?, _ origin: Origin) -> Bool {
        guard let sqlState else { return true }
        guard !origin.hasContext else { return false }
        switch sqlState.prefix(2) {
        case "08", "25", "28", "3D", "40", "53", "54", "55", "57", "58", "F0": return true
        case "42" where sqlState == "42501": return true
        case "42", "0A", "3F": return origin.hasPosition
        default: return false
        }
    }
}

/// Field codes of libpq's `PQresultErrorField` (postgres_ext.h); the header's character macros are not visible in Swift.
enum PostgresErrorField {
    static let sqlState = Int32(UInt8(ascii: "C"))
    static let message = Int32(UInt8(ascii: "M"))
    static let hint = Int32(UInt8(ascii: "H"))
    static let position = Int32(UInt8(ascii: "P"))
    static let context = Int32(UInt8(ascii: "W"))
    static let internalQuery = Int32(UInt8(ascii: "q"))
    static let constraint = Int32(UInt8(ascii: "n"))
}
