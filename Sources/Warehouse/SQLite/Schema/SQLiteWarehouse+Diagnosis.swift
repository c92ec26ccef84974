import Foundation
import GRDB
import GRDBSQLite
package import RollcallCore

extension SQLiteWarehouse {
    package func diagnose(_ sources: [AudienceSource]) async -> [Finding] {
        let (connection, isReachable) = await diagnoseFile()
        guard isReachable else { return connection }
        var findings = connection
        findings.append(diagnoseVersion())
        findings.append(await diagnoseWriting())
        findings.append(await diagnoseState())
        for source in sources { findings.append(await diagnoseAudience(source)) }
        return findings
    }

    package func diagnoseSources(_ sources: [AudienceSource]) async -> [Finding] {
        let (connection, isReachable) = await diagnoseFile()
        guard isReachable else { return connection }
        let isWritable = access(file.path, W_OK) == 0
        var findings = connection
        findings.append(diagnoseVersion())
        findings.append(
            Finding(
                subject: "reading", isFine: true,
                detail: isWritable ? "the file is only read" : "the file is only read, and cannot be written"))
        for source in sources { findings.append(await diagnoseAudience(source)) }
        return findings
    }

    private func diagnoseFile() async -> ([Finding], isReachable: Bool) {
        let subject = "connection"
        do {
            let mode = try await reader.run(.deferred) { database in
                _ = try database.firstRow("PRAGMA main.schema_version") { $0.count(0) }
                return try database.firstRow("PRAGMA main.journal_mode") { $0.text(0) ?? "" } ?? ""
            }
            return ([Finding(subject: subject, isFine: true, detail: "\(file.path), journal mode \(mode)")], true)
        } catch {
            return ([Self.finding(subject, error)], false)
        }
    }

    private func diagnoseVersion() -> Finding {
        let version = String(cString: sqlite3_libversion())
        // `iif` and upserts of the state tables' statements; older ones lack them.
        let isFine = sqlite3_libversion_number() >= 3_035_000
        return Finding(
            subject: "SQLite", isFine: isFine, detail: version,
            fix: isFine ? nil : "Install SQLite 3.35 or later.")
    }

    /// Takes the write lock and gives it back; nothing is written.
    private func diagnoseWriting() async -> Finding {
        let subject = "write access"
        let folder = (file.path as NSString).deletingLastPathComponent
        guard access(folder, W_OK) == 0 else {
            return Finding(
                subject: subject, isFine: false,
                detail: "the folder \(folder) cannot be written; SQLite keeps a journal beside the file",
                fix: "Let the user who runs Rollcall write the folder \(folder).")
        }
        do {
            try await write { _ in }
            return Finding(subject: subject, isFine: true, detail: "file and folder can be written")
        } catch {
            return Self.finding(subject, error)
        }
    }

    private func diagnoseState() async -> Finding {
        let subject = "state tables rollcall_*"
        do {
            let version = try await reader.run(.deferred) { database in
                try SQLiteMigrations.refuseNewer(database)
                return try SQLiteMigrations.stateVersion(database)
            }
            guard let version else {
                return Finding(
                    subject: subject, isFine: true,
                    detail: "not there yet; the first run or `rollcall migrate` makes them")
            }
            return Finding(subject: subject, isFine: true, detail: version.standing(EmbeddedMigrations.sqlite))
        } catch {
            return Self.finding(subject, error)
        }
    }

    private func diagnoseAudience(_ source: AudienceSource) async -> Finding {
        let title = SQLiteAudience(source: source, path: file.path).title
        let subject = "audience: " + title.prefix(1).lowercased() + title.dropFirst()
        do {
            let columns = try await columns(of: source)
            let names = columns.map { column in
                let type = column.type.isEmpty ? "no declared type" : column.type
                return "\(column.name) (\(type)\(column.canIdentify ? "" : ", no identifier"))"
            }
            let isFine = columns.contains(where: \.canIdentify)
            return Finding(
                subject: subject, isFine: isFine, detail: names.joined(separator: ", "),
                fix: isFine ? nil : "Select a column of a text or integer type; CAST(column AS TEXT) makes one.")
        } catch {
            return Self.finding(subject, error)
        }
    }

    private static func finding(_ subject: String, _ error: WarehouseError) -> Finding {
        Finding(subject: subject, isFine: false, detail: error.error.message, fix: error.error.hint)
    }
}
