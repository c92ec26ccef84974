import Foundation
public import RollcallCore
import Synchronization

/// A warehouse in PostgreSQL, through libpq. Works behind a pooler in transaction mode: every call is one transaction
/// with its settings made in it; no session locks, no named statements, no temporary tables.
///
/// Connections are opened when first needed: one for leases (so that a renewal waits for nothing else), one for claims
/// (so that requests begin while outcomes are written), one for other short calls, and up to four for long ones
/// (audiences, snapshots, staging, pages of the outbox, reports).
public final class PostgresWarehouse: Warehouse {
    enum Use { case lease, claim, state, long }

    let tables: PostgresStateTables
    private let leaseLane: PostgresLane
    private let claimLane: PostgresLane
    private let stateLane: PostgresLane
    private let longLanes: [PostgresLane]
    private let settings: PostgresConnectionString
    private let patience: Double
    private let leastPartPages: Int

    /// - Parameters:
    ///   - url: any libpq URI or keyword string; what it, a service or libpq's environment sets is kept.
    ///   - stateSchema: schema of Rollcall's own tables, created by ``migrate()`` if it is missing.
    ///   - applicationName: shown in `pg_stat_activity` unless the URL gives one.
    ///   - statementTimeoutSeconds: limit of each short statement, more than 0.
    ///   - longStatementTimeoutSeconds: limit of reading an audience or snapshot and of staging a plan; 0: none.
    ///   - leastPartPages: pages from which on a table is read over several connections; 64 MB.
    public init(
        url: Secret, stateSchema: String, applicationName: String = "rollcall", statementTimeoutSeconds: Double = 60,
        longStatementTimeoutSeconds: Double = 1800, leastPartPages: Int = 8192
    ) {
        settings = PostgresConnectionString(url: url, applicationName: applicationName)
        tables = PostgresStateTables(
            schema: stateSchema, timeout: statementTimeoutSeconds, longTimeout: longStatementTimeoutSeconds)
        // A call may have several statements, each of which the server itself ends in time.
        let patience = statementTimeoutSeconds * 1.5
        self.patience = longStatementTimeoutSeconds * 2
        self.leastPartPages = leastPartPages
        leaseLane = PostgresLane(settings, label: "lease", patience: min(patience, 30))
        claimLane = PostgresLane(settings, label: "claim", patience: patience)
        stateLane = PostgresLane(settings, label: "state", patience: patience)
        longLanes = (1...4).map { [settings] in
            PostgresLane(settings, label: "long\($0)", patience: longStatementTimeoutSeconds * 2)
        }
    }

    /// Connections for all parts of a long read but the first. They are no part of the pool: two reads that each had one
    /// and waited for another would wait for ever.
    private func partLanes(_ parts: Int) -> [PostgresLane] {
        (1..<max(parts, 1)).map { PostgresLane(settings, label: "part\($0)", patience: patience) }
    }

    /// How a long read that a session has begun with `begin` goes on over several connections.
    func parts(_ count: Int, begin: String) -> @Sendable (PostgresSession, PostgresCancellation) -> PostgresParts {
        let (lanes, leastPages) = (partLanes(count), leastPartPages)
        return {
            PostgresParts(session: $0, cancellation: $1, lanes: lanes, begin: begin, leastPages: leastPages)
        }
    }

    public func close() async {
        for lane in [stateLane, claimLane] + longLanes + [leaseLane] { await lane.close() }
    }

    func lane(_ use: Use) -> PostgresLane {
        switch use {
        case .lease: leaseLane
        case .claim: claimLane
        case .state: stateLane
        case .long: longLanes.min { $0.load < $1.load } ?? stateLane
        }
    }
}

/// Where the state tables are, and how transactions on them begin.
struct PostgresStateTables: Sendable {
    let schema: String
    let timeout: Double
    let longTimeout: Double

    var quotedSchema: String { PostgresText.identifier(schema) }

    func begin(_ mode: String = "", isLong: Bool = false, lockSeconds: Double = 5) -> String {
        settings(mode, isLong: isLong, lockSeconds: lockSeconds, idleSeconds: Self.idleSeconds)
            + "; SET LOCAL search_path = \(quotedSchema), pg_temp; SET LOCAL jit = off"
            + "; SET LOCAL standard_conforming_strings = on"
    }

    /// A transaction that reads an audience: with the role's own search_path, without any right to write.
    var beginAudience: String {
        settings("ISOLATION LEVEL REPEATABLE READ, READ ONLY", isLong: true, lockSeconds: 30, idleSeconds: 60)
    }

    /// A transaction that streams from the state tables.
    var beginStream: String { begin("ISOLATION LEVEL REPEATABLE READ, READ ONLY", isLong: true) }

    /// Shorter than any lease: a process that stands still within a transaction keeps the row of its lease locked, and
    /// must have lost it when others may take the lease over.
    private static let idleSeconds = 10.0

    private func settings(_ mode: String, isLong: Bool, lockSeconds: Double, idleSeconds: Double) -> String {
        let limit = Self.milliseconds(isLong ? longTimeout : timeout)
        return "BEGIN \(mode); SET LOCAL statement_timeout = \(limit)"
            + "; SET LOCAL lock_timeout = \(Self.milliseconds(lockSeconds))"
            + "; SET LOCAL idle_in_transaction_session_timeout = \(Self.milliseconds(idleSeconds)); SET LOCAL TimeZone = 'UTC'"
    }

    private static func milliseconds(_ seconds: Double) -> Int {
        seconds <= 0 ? 0 : Int(min(max(seconds * 1000, 1), 2_000_000_000))
    }
}

extension PostgresWarehouse {
    /// One transaction on the state tables.
    func write<T: Sendable>(
        _ use: Use = .state, repeatable: Bool = true, settings: String? = nil,
        _ body: @escaping @Sendable (PostgresSession) throws -> T
    ) async throws(WarehouseError) -> T {
        let begin = tables.begin(isLong: use == .long) + (settings.map { "; " + $0 } ?? "")
        do {
            return try await lane(use).run { try $0.transaction(begin, repeatable: repeatable, body) }
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

    /// How the row of a lease is locked. With either lock nobody takes the lease over, and no renewal passes, until the
    /// transaction has ended, also one whose answer was lost.
    enum LeaseLock: String {
        /// One write of the holder at a time.
        case exclusive = "FOR UPDATE"
        /// Claims and outcomes of one run go on beside each other; where they touch the same rows, those rows order them.
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
        let begin = tables.begin("READ ONLY", isLong: use == .long) + (settings.map { "; " + $0 } ?? "")
        do {
            return try await lane(use).run { try $0.transaction(begin, body) }
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
        let begin = tables.beginStream
        do {
            try await lane(.long).runCancellable { session, cancellation in
                try session.transaction(begin, repeatable: false) { try body($0, cancellation) }
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
                .missing, code: "warehouse_state_missing",
                "The state tables do not exist in schema \(tables.schema).", hint: "Run `rollcall migrate`.")
        case let failure as PostgresFailure where failure.kind == .permission:
            return WarehouseError(.permission, "Postgres: \(failure.message)", hint: tables.grants(to: failure.role))
        case let failure as PostgresFailure: return failure.warehouseError
        default: return WarehouseError(.other, "The call was broken off: \(error)")
        }
    }
}

extension PostgresStateTables {
    /// The SQL that lets a role keep state in a schema that exists.
    func grants(to role: String) -> String {
        let role = PostgresText.identifier(role)
        return "GRANT USAGE, CREATE ON SCHEMA \(quotedSchema) TO \(role);"
            + " GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \(quotedSchema) TO \(role);"
    }
}
