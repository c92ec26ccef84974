import CLibPQ
import RollcallCore

/// What the server, the role or a pooler lacks, and how Rollcall goes around it. All of it was tried, in transactions that only
/// read. Where nothing is lacking, nothing is said.
struct PostgresCapabilities {
    let session: PostgresSession
    /// From which version on tables are read over two connections.
    let leastPartVersion: Int

    private static let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"

    func findings() throws -> [Finding] {
        try [pooler(), copy(), largeTables()].compactMap { $0 }
    }

    /// A pooler gives its clients process ids that are not the server's.
    private func pooler() throws -> Finding? {
        let server = try session.transaction(Self.begin) { session in
            try session.attempt { try session.query("SELECT pg_catalog.pg_backend_pid()").integer(0, 0) } ?? nil
        }
        guard let server, server != Int64(PQbackendPID(session.connection)) else { return nil }
        return Finding(
            subject: "pooler", isFine: true,
            detail: "one stands before the server; in transaction mode it passes no notifications on")
    }

    private func copy() throws -> Finding? {
        try session.transaction(Self.begin) { try $0.copyOut("SELECT 1", PostgresCancellation()) { _ in } }
        guard session.hasCopy == false else { return nil }
        return Finding(
            subject: "COPY", isFine: true,
            detail: "the server has none; rows are read with SELECT and written with INSERT, which takes longer")
    }

    // MARK: Reading over two connections

    private func largeTables() throws -> Finding? {
        guard let (lack, fix) = try lackOfParts() else { return nil }
        return Finding(
            subject: "large tables", isFine: true, detail: "are read over one connection instead of two: \(lack)",
            fix: fix)
    }

    private func lackOfParts() throws -> (lack: String, fix: String?)? {
        guard session.version >= leastPartVersion else {
            return ("the server is older than version 14, and reads no ranges of ctid", nil)
        }
        let role = PostgresText.identifier(session.role)
        if try lack({ _ = try PostgresReading.sizes(of: "pg_catalog.pg_class", $0) }) != nil {
            return (
                "the role \(session.role) may not call pg_relation_size(), or not read pg_settings",
                "GRANT EXECUTE ON FUNCTION pg_catalog.pg_relation_size(regclass, text), pg_catalog.pg_relation_size(regclass),"
                    + " pg_catalog.pg_show_all_settings() TO \(role);"
            )
        }
        guard let refusal = try lack({ _ = try $0.query("SELECT pg_catalog.pg_export_snapshot()") }) else { return nil }
        guard refusal.sqlState == "42501" else { return ("the server exports no snapshots", nil) }
        return (
            "the role \(session.role) may not call pg_export_snapshot()",
            "GRANT EXECUTE ON FUNCTION pg_catalog.pg_export_snapshot() TO \(role);"
        )
    }

    /// The refusal of what the server or the role lacks; nil: they have it. A snapshot cannot be exported behind a savepoint, so
    /// each has a separate transaction.
    private func lack(_ body: (PostgresSession) throws -> Void) throws -> PostgresFailure? {
        do {
            try session.transaction(Self.begin, body)
            return nil
        } catch let failure as PostgresFailure where failure.isIncapable {
            return failure
        }
    }
}

extension PostgresWarehouse {
    /// What is gone around, as `check` shows it.
    /// - Parameter use: whose connection is looked at.
    func capabilities(_ use: Use) async -> [Finding] {
        let version = leastPartVersion
        do {
            return try await worker(use).run {
                try PostgresCapabilities(session: $0, leastPartVersion: version).findings()
            }
        } catch {
            let error = stateError(error).error
            return [Finding(subject: "capabilities", isFine: false, detail: error.message, fix: error.hint)]
        }
    }
}
