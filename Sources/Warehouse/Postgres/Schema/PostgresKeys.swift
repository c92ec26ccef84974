import CLibPQ
import Foundation
import RollcallCore

/// Primary keys of the state tables, which migration 4 adds: without one, a publication of logical replication lets no row
/// be updated or deleted. `sync_log` may have millions of rows, and to index them within the migration would keep every run
/// waiting. So its index is built before, with CONCURRENTLY.
///
/// No lock is held meanwhile by which processes could find each other, for such a lock would be one of a session, which a pooler
/// does not keep. The build itself is what they see: it holds the table's SHARE UPDATE EXCLUSIVE lock from beginning to end, also
/// when its process is gone and only its server process continues. Whoever gets that lock knows that no process builds, and that an
/// invalid index is the remains of a build that was broken off. They wait for it with LOCK, which has no snapshot: a build waits
/// for all snapshots that are older than it.
struct PostgresKeys {
    /// The migration that needs the index.
    static let version = 4
    /// Tables of fewer bytes are indexed in the migration itself, within a tenth of a second.
    static let leastBytes = 16 << 20

    /// Between two looks at a build that is about to end.
    private static let pauseMicroseconds: UInt32 = 20_000

    let tables: PostgresStateTables

    enum Standing: Equatable {
        /// Nothing is to be done before the migration.
        case ready
        case unbuilt
        /// There is an index that is not valid: it is being built, or its build was broken off.
        case unfinished
        /// The last transaction of a build, which makes the index valid, is about to commit. It does so after the build's lock
        /// was given back (DefineIndex in PostgreSQL's indexcmds.c).
        case finishing
    }

    private var index: String {
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS sync_log_key ON \(tables.quotedSchema).sync_log (run_id, record_id)"
    }

    // MARK: Before the migration

    /// In a transaction that is READ COMMITTED. In another one, a build that just ends may be ``Standing/unfinished``.
    func standing(_ session: PostgresSession) throws -> Standing {
        let first = try look(session)
        // The build may have ended after the statement's snapshot was taken and before the statement looked at the locks.
        // A transaction gives its locks back after its changes can be seen, so a second statement sees that it is valid.
        return first == .unfinished ? try look(session) : first
    }

    private func look(_ session: PostgresSession) throws -> Standing {
        let version = try PostgresWarehouse.version(session)
        guard let version, version < Self.version else { return .ready }
        let found = try session.query(
            """
            SELECT c.relkind = 'r' AND NOT c.relhassubclass, pg_relation_size(c.oid),
                   (SELECT bool_or(i.indisprimary) FROM pg_index i WHERE i.indrelid = c.oid),
                   (SELECT i.indisvalid FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid
                     WHERE i.indrelid = c.oid AND k.relname = 'sync_log_key'),
                   (SELECT i.xmax IN (SELECT l.transactionid FROM pg_locks l WHERE l.locktype = 'transactionid')
                      FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid
                     WHERE i.indrelid = c.oid AND k.relname = 'sync_log_key')
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relname = 'sync_log'
            """, [tables.schema])
        guard found.boolean(0, 0), !found.boolean(0, 2) else { return .ready }
        if found.text(0, 3) != nil {
            return found.boolean(0, 3) ? .ready : found.boolean(0, 4) ? .finishing : .unfinished
        }
        return found.count(0, 1) >= Self.leastBytes ? .unbuilt : .ready
    }

    /// Builds the index, or waits until another process has built it. An index that is left unfinished is built again.
    /// - Throws: `PostgresFailure`, `CancellationError`, ``WarehouseError/Kind/busy`` after the limit of long statements.
    func build(_ session: PostgresSession, _ cancellation: PostgresCancellation) throws {
        var clock = WaitClock(limit: tables.longTimeout > 0 ? tables.longTimeout : .infinity)
        // Its settings are no longer those of a fresh one.
        defer { session.condemn() }
        while true {
            try cancellation.check()
            do {
                // Looking waits too: for a process whose migration has the table.
                let found = try session.transaction(tables.begin(.readOnly, .readCommitted)) { try standing($0) }
                if found == .ready { return }
                if try mayBuild(session) {
                    try create(session)
                } else {
                    // Another process has built it, or is about to have.
                    usleep(Self.pauseMicroseconds)
                }
            } catch let failure as PostgresFailure where failure.isLockTimeout {
                // Another process builds, or holds the table's lock for another purpose.
                let reason = "the primary key of \(tables.schema).sync_log, which another process makes"
                switch clock.check(session.wait, reason) {
                case .goOn: continue
                case .over: throw busy(wasStopped: false)
                case .stopped: throw busy(wasStopped: true)
                }
            }
        }
    }

    /// Whether no other process builds and nothing stands in the way. Throws ``WarehouseError/Kind/busy`` while one does.
    private func mayBuild(_ session: PostgresSession) throws -> Bool {
        try session.transaction(tables.begin(.readWrite, .readCommitted)) { session in
            // The lock comes first: until it is had the transaction sees nothing, and no build waits for it.
            try session.execute("LOCK TABLE sync_log IN SHARE UPDATE EXCLUSIVE MODE")
            let found = try standing(session)
            if found == .unfinished { try session.execute("DROP INDEX sync_log_key") }
            return found == .unbuilt || found == .unfinished
        }
    }

    private func create(_ session: PostgresSession) throws {
        // Limits of the role would end the build. They can be set for the session only where it has a connection to itself;
        // behind a pooler the setting would be another's.
        let isDirect = try session.query("SELECT pg_backend_pid()").count(0, 0) == Int(PQbackendPID(session.connection))
        if isDirect {
            try session.execute(
                "SET statement_timeout = \(Int(tables.longTimeout * 1000)); SET lock_timeout = 0;"
                    + " SET default_transaction_read_only = off")
        }
        do {
            try session.execute(index)
        } catch let failure as PostgresFailure where failure.kind == .timeout {
            throw WarehouseError(
                .timeout, "The index for the primary key of \(tables.schema).sync_log was not built in time.",
                hint: "Run it once as a role without statement_timeout, then run again: \(index);")
        }
    }

    private func busy(wasStopped: Bool) -> WarehouseError {
        var error = WarehouseError(
            .busy, "The index for the primary key of \(tables.schema).sync_log is being built by another process.",
            hint: "pg_stat_progress_create_index shows how far it is. Run again when it has ended.")
        error.wasStopped = wasStopped
        return error
    }

    // MARK: In the migration

    /// Runs the migration, which has a part for each table.
    func apply(_ sql: String, _ session: PostgresSession) throws {
        for part in sql.components(separatedBy: "-- table: ").dropFirst() {
            let (table, statements) = (part.prefix { !$0.isNewline }, part.drop { !$0.isNewline })
            let found = try session.query(
                """
                SELECT c.relkind = 'p' OR c.relhassubclass,
                       (SELECT bool_or(i.indisprimary) FROM pg_index i WHERE i.indrelid = c.oid)
                  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = $1 AND c.relname = $2
                """, [tables.schema, String(table)])
            if found.boolean(0, 0) {
                try session.execute(
                    try PostgresReplication(session: session, tables: tables).identities(of: String(table)) ?? "")
            } else if !found.boolean(0, 1) {
                try session.execute(String(statements))
            }
        }
    }
}
