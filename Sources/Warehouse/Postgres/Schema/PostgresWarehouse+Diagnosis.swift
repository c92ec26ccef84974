import Foundation
package import RollcallCore

extension PostgresWarehouse {
    package func diagnose(_ sources: [AudienceSource]) async -> [Finding] {
        let tables = tables
        var findings: [Finding]
        do {
            findings = try await worker(.state).run { session in
                var diagnosis = PostgresDiagnosis(session: session, tables: tables)
                return try diagnosis.findings()
            }
        } catch {
            let error = stateError(error)
            return [
                Finding(subject: "connection", isFine: false, detail: error.error.message, fix: error.error.hint)
            ]
        }
        let most = PostgresFailure.connectionsPerRun
        findings.append(await connections(most, least: most, .state))
        findings += await capabilities(.state)
        for source in sources { findings.append(await finding(source)) }
        return findings
    }

    package func diagnoseSources(_ sources: [AudienceSource]) async -> [Finding] {
        let tables = tables
        var findings: [Finding]
        do {
            // As a run does: where the role has one connection, it is that of the audiences.
            findings = try await worker(.long).run { session in
                try session.transaction(tables.begin(.readOnly)) { try PostgresSourceDiagnosis.findings($0) }
            }
        } catch {
            let error = stateError(error)
            return [
                Finding(subject: "connection", isFine: false, detail: error.error.message, fix: error.error.hint)
            ]
        }
        findings.append(await connections(Self.sourceConnections, least: 1, .long))
        findings += await capabilities(.long)
        for source in sources { findings.append(await finding(source)) }
        return findings
    }

    // MARK: Connections

    /// Connections that a run opens to a database that is only read: an audience is read over two, or over one if need be.
    private static let sourceConnections = 2

    /// Opens as many connections as a run does, and begins a transaction on each: behind a pooler only that takes one.
    /// - Parameters:
    ///   - least: with fewer a run cannot go on.
    ///   - use: whose connection is open by now, and is one of them.
    private func connections(_ count: Int, least: Int, _ use: Use) async -> Finding {
        let subject = "connections"
        let own = worker(use)
        let workers = [own] + (1..<count).map { makeWorker("check\($0)", Self.checkSeconds) }
        let failures = await withTaskGroup(of: (any Error)?.self) { group in
            for worker in workers {
                group.addTask {
                    do {
                        try await worker.run { try $0.execute("BEGIN READ ONLY; SELECT 1") }
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            var failures: [any Error] = []
            for await failure in group { if let failure { failures.append(failure) } }
            return failures
        }
        for worker in workers.dropFirst() { await worker.close() }
        _ = try? await own.run { try $0.execute("ROLLBACK") }
        guard let failure = failures.first else {
            return Finding(subject: subject, isFine: true, detail: "\(count) at once, as many as a run opens")
        }
        let (error, had) = (stateError(failure).error, count - failures.count)
        return Finding(
            subject: subject, isFine: had >= least,
            detail: "of the \(count) that a run opens, \(had) could be had at once: \(error.message)",
            fix: had > 0 ? PostgresFailure.shortage(of: count) : error.hint)
    }

    /// Seconds that `check` waits for an answer on one connection.
    private static let checkSeconds = 10.0

    // MARK: Audiences

    private func finding(_ source: AudienceSource) async -> Finding {
        let subject =
            switch source {
            case .table(let parts): "audience \(parts.joined(separator: "."))"
            case .query(_, let file?): "audience query \(file)"
            case .query(_, nil): "audience query"
            }
        do {
            let (columns, unlocked) = try await describe(source)
            let list = columns.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
            return Finding(
                subject: subject, isFine: true, detail: "readable; columns \(list)",
                fix: unlocked.isEmpty
                    ? nil
                    : "\(unlocked.joined(separator: ", ")): what it reads is not locked with the rest. Do not empty and reload"
                        + " it in mid-run, or do so in one transaction with DELETE, not TRUNCATE.")
        } catch {
            return Finding(subject: subject, isFine: false, detail: error.error.message, fix: error.error.hint)
        }
    }

    /// The columns, and the functions and foreign tables whose reads take no locks on this server.
    private func describe(
        _ source: AudienceSource
    ) async throws(WarehouseError) -> (columns: [AudienceColumn], unlocked: [String]) {
        try await withLockedAudience(source) { audience in
            (try audience.lockedColumns().map(\.column), try audience.unlockedReads())
        }
    }
}
