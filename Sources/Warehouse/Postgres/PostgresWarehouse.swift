import Foundation
package import RollcallCore
import Synchronization

/// A warehouse in PostgreSQL, through libpq. Works behind a pooler in transaction mode: every call is one transaction
/// with its settings made in it; no session locks, no named statements, no temporary tables.
///
/// Connections are opened when first needed: one for leases (so that a renewal waits for nothing else), one for claims
/// (so that requests begin while outcomes are written), one for what Iterable sends back, one for other short calls, and up
/// to four for long ones (audiences, snapshots, staging, pages of the outbox, reports). Each watch of a channel has another one.
package final class PostgresWarehouse: Warehouse {
    enum Use { case lease, claim, receive, state, long }

    let tables: PostgresStateTables
    let options: PostgresOptions
    package let waitSeconds: Double
    private let leaseWorker: PostgresWorker
    private let claimWorker: PostgresWorker
    private let receiveWorker: PostgresWorker
    private let stateWorker: PostgresWorker
    private let longWorkers: [PostgresWorker]
    let settings: PostgresConnectionString
    let watches = OpenWatches()
    private let callTimeout: Double
    private let leastPartPages: Int
    let leastPartVersion: Int

    /// - Parameters:
    ///   - url: any libpq URI or keyword string; what it, a service or libpq's environment sets is kept.
    ///   - stateSchema: schema of Rollcall's own tables, created by ``migrate()`` if it is missing.
    ///   - options: how audiences are read.
    ///   - waitSeconds: how long a call waits for a connection or a lock, 0 or more.
    ///   - applicationName: shown in `pg_stat_activity` unless the URL gives one.
    ///   - statementTimeoutSeconds: limit of each short statement on the state tables, more than 0.
    ///   - longStatementTimeoutSeconds: limit of reading a snapshot and of staging a plan; 0: none.
    ///   - leastPartPages: pages from which on a table is read over several connections; 64 MB.
    ///   - leastPartVersion: version of the server from which on that is done, as `server_version_num` has it.
    package init(
        url: Secret, stateSchema: String, options: PostgresOptions = PostgresOptions(), waitSeconds: Double = 120,
        applicationName: String = "rollcall", statementTimeoutSeconds: Double = 60,
        longStatementTimeoutSeconds: Double = 1800, leastPartPages: Int = 8192, leastPartVersion: Int = 140_000
    ) {
        let settings = PostgresConnectionString(url: url, applicationName: applicationName)
        self.settings = settings
        self.options = options
        self.waitSeconds = waitSeconds
        tables = PostgresStateTables(
            schema: stateSchema, timeout: statementTimeoutSeconds, longTimeout: longStatementTimeoutSeconds)
        // A call may have several statements, each of which the server itself ends in time.
        let callTimeout = statementTimeoutSeconds * 1.5
        let limits = [longStatementTimeoutSeconds, options.statementTimeoutSeconds]
        let longCallTimeout = limits.contains(0) ? 0 : (limits.max() ?? 0) * 2
        self.callTimeout = longCallTimeout
        self.leastPartPages = leastPartPages
        self.leastPartVersion = leastPartVersion
        func worker(_ label: String, _ callTimeout: Double) -> PostgresWorker {
            PostgresWorker(settings, label: label, callTimeout: callTimeout, waitSeconds: waitSeconds)
        }
        leaseWorker = worker("lease", min(callTimeout, 30))
        claimWorker = worker("claim", callTimeout)
        receiveWorker = worker("receive", callTimeout)
        stateWorker = worker("state", callTimeout)
        longWorkers = (1...4).map { worker("long\($0)", longCallTimeout) }
    }

    /// A connection beside those that are kept.
    func makeWorker(_ label: String, _ seconds: Double) -> PostgresWorker {
        PostgresWorker(settings, label: label, callTimeout: seconds, waitSeconds: min(seconds, waitSeconds))
    }

    /// Connections for all parts of a long read but the first. They are no part of the pool: two reads that each had one
    /// and waited for another would wait for ever.
    private func partWorkers(_ parts: Int) -> [PostgresWorker] {
        (1..<max(parts, 1)).map { makePartWorker("\($0)") }
    }

    /// A further connection for one long read.
    func makePartWorker(_ number: String = "") -> PostgresWorker {
        PostgresWorker(settings, label: "part\(number)", callTimeout: callTimeout)
    }

    /// How a long read on a session continues over several connections.
    func reading(
        parts count: Int, begin: @escaping @Sendable (PostgresReading.Isolation) -> String
    ) -> @Sendable (PostgresSession, PostgresCancellation) -> PostgresReading {
        let (workers, leastPages, leastVersion) = (partWorkers(count), leastPartPages, leastPartVersion)
        return {
            PostgresReading(
                session: $0, cancellation: $1, workers: workers, begin: begin, leastPages: leastPages,
                leastVersion: leastVersion)
        }
    }

    package func close() async {
        await watches.close()
        for worker in [stateWorker, claimWorker, receiveWorker] + longWorkers + [leaseWorker] { await worker.close() }
    }

    /// The connection for a call: for long ones the least busy, of those one that is open.
    func worker(_ use: Use) -> PostgresWorker {
        switch use {
        case .lease: leaseWorker
        case .claim: claimWorker
        case .receive: receiveWorker
        case .state: stateWorker
        case .long:
            longWorkers.min { ($0.load, $0.hasConnection ? 0 : 1) < ($1.load, $1.hasConnection ? 0 : 1) } ?? stateWorker
        }
    }

    /// What a call waits for on the state tables. A renewal of a lease waits for the run's own writes, which is no news.
    func waiting(_ use: Use) -> PostgresWaiting {
        PostgresWaiting(
            limit: waitSeconds, lock: "a lock on the state tables in schema \(tables.schema)",
            isReported: use != .lease)
    }
}

/// Where the state tables are, and how transactions on them begin.
struct PostgresStateTables: Sendable {
    enum Access: String {
        case readWrite = "READ WRITE"
        case readOnly = "READ ONLY"
    }

    let schema: String
    let timeout: Double
    let longTimeout: Double

    var quotedSchema: String { PostgresText.identifier(schema) }

    /// The access is said aloud: a role may have `default_transaction_read_only`. A policy that hides rows of the state
    /// would make the run do the wrong thing, so it is an error (`row_security = off`).
    func begin(_ access: Access, _ isolation: PostgresReading.Isolation? = nil, isLong: Bool = false) -> String {
        let level = isolation.map { "ISOLATION LEVEL \($0.rawValue), " } ?? ""
        return "BEGIN \(level)\(access.rawValue)"
            + "; SET LOCAL statement_timeout = \(PostgresText.milliseconds(isLong ? longTimeout : timeout))"
            + "; SET LOCAL lock_timeout = \(PostgresText.milliseconds(PostgresWaiting.lockSeconds))"
            + "; SET LOCAL idle_in_transaction_session_timeout = \(PostgresText.milliseconds(Self.idleSeconds))"
            + "; SET LOCAL TimeZone = 'UTC'; SET LOCAL row_security = off"
            + "; SET LOCAL search_path = \(quotedSchema), pg_temp; SET LOCAL jit = off"
            + "; SET LOCAL standard_conforming_strings = on"
    }

    /// Shorter than any lease: a process that stands still within a transaction keeps the row of its lease locked, and
    /// must have lost it when others may take the lease over.
    private static let idleSeconds = 10.0
}

extension PostgresWarehouse {
    /// One transaction on the state tables.
    ///
    /// - Parameter mayRepeat: whether `body` can be run again from its start.
    func write<T: Sendable>(
        _ use: Use = .state, mayRepeat: @escaping @Sendable () -> Bool = { true }, settings: String? = nil,
        _ body: @escaping @Sendable (PostgresSession) throws -> T
    ) async throws(WarehouseError) -> T {
        let begin = tables.begin(.readWrite, isLong: use == .long) + (settings.map { "; " + $0 } ?? "")
        do {
            return try await waiting(use)(mayRepeat: mayRepeat) {
                try await worker(use).run { [tables] session in
                    try tables.used(by: session) { try session.transaction(begin, mayRepeat: mayRepeat, body) }
                }
            }
        } catch {
            throw stateError(error)
        }
    }

    /// One transaction that begins with the proof that the lease still holds.
    func leased<T: Sendable>(
        _ lease: Lease, _ use: Use = .state, lock: LeaseLock = .exclusive, settings: String? = nil,
        _ body: @escaping @Sendable (PostgresSession) throws -> T
    ) async throws(WarehouseError) -> T {
        try await write(use, settings: settings) { session in
            try Self.prove(lease, session, lock)
            return try body(session)
        }
    }

    /// How the row of a lease is locked. With either lock no process takes the lease over, and no renewal passes, until the
    /// transaction has ended, also one whose answer was lost.
    enum LeaseLock: String {
        /// One write of the holder at a time.
        case exclusive = "FOR UPDATE"
        /// Claims and outcomes of one run proceed beside each other; where they touch the same rows, those rows order them.
        case shared = "FOR SHARE"
    }

    /// Throws unless the lease's token is the sync's current one, and keeps it so until the transaction ends.
    static func prove(_ lease: Lease, _ session: PostgresSession, _ lock: LeaseLock = .exclusive) throws {
        let row = try session.query(
            "SELECT token FROM sync_leases WHERE sync_name = $1 \(lock.rawValue)", [lease.sync])
        guard row.integer(0, 0) == lease.token else { throw lost(lease) }
    }

    static func lost(_ lease: Lease) -> WarehouseError {
        WarehouseError(
            .leaseLost, "Another process has taken over the sync \(lease.sync).",
            hint: "The run ends here; the other process carries on.")
    }

    /// One read-only transaction on the state tables; `fallback` where they do not exist yet.
    func read<T: Sendable>(
        _ use: Use = .state, orWithoutTables fallback: T, settings: String? = nil,
        _ body: @escaping @Sendable (PostgresSession) throws -> T
    ) async throws(WarehouseError) -> T {
        let begin = tables.begin(.readOnly, isLong: use == .long) + (settings.map { "; " + $0 } ?? "")
        do {
            return try await waiting(use)() {
                try await worker(use).run { [tables] session in
                    try tables.used(by: session) { try session.transaction(begin, body) }
                }
            }
        } catch let failure as PostgresFailure where failure.isMissingTable {
            return fallback
        } catch {
            throw stateError(error)
        }
    }

    /// As ``read(_:orWithoutTables:_:)`` for what streams to a caller: one consistent view, and ended by cancelling.
    func stream(
        _ body: @escaping @Sendable (PostgresSession, PostgresCancellation) throws -> Void
    ) async throws {
        let begin = tables.begin(.readOnly, .repeatableRead, isLong: true)
        try await streaming { session, cancellation in
            try session.transaction(begin, mayRepeat: { false }) { try body($0, cancellation) }
        }
    }

    /// A call that streams from the state tables, whose transactions `body` begins. What it gives cannot be taken back, so
    /// it is not run again once it has given something, as ``GivenRows`` says.
    func streaming(
        _ body: @escaping @Sendable (PostgresSession, PostgresCancellation) throws -> Void
    ) async throws {
        do {
            try await waiting(.long)() {
                try await worker(.long).runCancellable { [tables] session, cancellation in
                    try tables.used(by: session) { try body(session, cancellation) }
                }
            }
        } catch let failure as PostgresFailure {
            if !failure.isMissingTable { throw stateError(failure) }
        }
    }

    /// What an error of a call on the state tables means to the caller.
    func stateError(_ error: any Error) -> WarehouseError {
        switch error {
        case let error as WarehouseError: return error
        case let failure as PostgresFailure where failure.isMissingTable:
            return WarehouseError(
                .stateMissing, "The state tables do not exist in schema \(tables.schema).",
                hint: "Run `rollcall migrate`.")
        case let failure as PostgresFailure where failure.kind == .permission:
            return tables.denied("Postgres: \(failure.message)", to: failure.role)
        case let failure as PostgresFailure: return failure.warehouseError
        case is CancellationError:
            var error = WarehouseError(.connection, "Stopped while connecting to Postgres.")
            error.wasStopped = true
            return error
        default: return WarehouseError(.other, "The call was broken off: \(error)")
        }
    }
}

extension PostgresStateTables {
    /// Runs transactions on the tables. Where it misses them, and the schema is only hidden from the role, that is the error:
    /// PostgreSQL passes over a schema in `search_path` that the role may not use, as if it had no tables.
    func used<T>(by session: PostgresSession, _ transactions: () throws -> T) throws -> T {
        do { return try transactions() } catch let failure as PostgresFailure where failure.isMissingTable {
            try requireUsage(session)
            throw failure
        }
    }

    /// Throws where the schema is there and the role may not use it.
    func requireUsage(_ session: PostgresSession) throws {
        let hidden = try session.query(
            "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1 AND NOT has_schema_privilege(oid, 'USAGE')",
            [schema])
        guard hidden.rowCount > 0 else { return }
        throw denied(
            "Postgres: the role \(session.role) may not use the schema \(schema) of the state tables.",
            to: session.role)
    }

    /// What a role gets that lacks a right on the schema or its tables.
    func denied(_ message: String, to role: String) -> WarehouseError {
        var error = WarehouseError(.permission, message, hint: grants(to: role))
        error.readGrants = grant("USAGE", "SELECT", to: role)
        return error
    }

    /// The SQL that lets a role keep state in a schema that exists.
    func grants(to role: String) -> String { grant("USAGE, CREATE", "SELECT, INSERT, UPDATE, DELETE", to: role) }

    /// The SQL that gives a role rights on a schema that exists, and on its tables.
    private func grant(_ onSchema: String, _ onTables: String, to role: String) -> String {
        let role = PostgresText.identifier(role)
        return "GRANT \(onSchema) ON SCHEMA \(quotedSchema) TO \(role);"
            + " GRANT \(onTables) ON ALL TABLES IN SCHEMA \(quotedSchema) TO \(role);"
    }
}
