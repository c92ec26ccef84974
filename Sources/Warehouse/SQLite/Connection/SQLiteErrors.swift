import Foundation
import GRDB

extension SQLiteFile {
    /// What a call after ``SQLiteWarehouse/close()`` gets.
    static let closed = WarehouseError(.connection, "The connection to the SQLite database was closed.")

    /// Says what SQLite's error means for the user of this file.
    func explain(_ error: any Error) -> WarehouseError {
        switch error {
        case let error as WarehouseError: error
        case let error as DatabaseError: explain(error)
        default: WarehouseError(.other, "The SQLite database \(path) failed: \(error)")
        }
    }

    private func explain(_ error: DatabaseError) -> WarehouseError {
        let said = error.message ?? "error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return WarehouseError(
                .busy, "Another program holds the SQLite database \(path); it was still locked after \(waited).",
                hint: "End the other program's transaction and run again. Where others read for long, "
                    + "`PRAGMA journal_mode = WAL` lets one writer and many readers work side by side.")
        case .SQLITE_FULL:
            return WarehouseError(
                .storage, "The disk that holds the SQLite database \(path) is full; nothing of this step was kept.",
                hint: "Free space on that disk and run again.")
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            return WarehouseError(
                .storage, "The SQLite database \(path) cannot be written: \(said).",
                hint: "Let the user who runs Rollcall write the file and its folder (SQLite keeps a journal beside it)."
            )
        case .SQLITE_IOERR:
            return WarehouseError(
                .storage, "Reading or writing the SQLite database \(path) failed: \(said).",
                hint: "Look at the disk's health, free space and limits, then run again.")
        case .SQLITE_CANTOPEN:
            return cannotOpen(said)
        case .SQLITE_NOTADB:
            return WarehouseError(
                .missing, "\(path) is not a SQLite database: \(said).",
                hint: "Let `path` name a SQLite 3 database that is not encrypted.")
        case .SQLITE_CORRUPT:
            return WarehouseError(
                .storage, "The SQLite database \(path) is damaged: \(said).",
                hint: "`PRAGMA integrity_check` shows the damage; restore a backup or use sqlite3's `.recover`.")
        default:
            return explainOther(error, said)
        }
    }

    private func cannotOpen(_ said: String) -> WarehouseError {
        // The file was there a moment ago: what fails now is most often the journal beside it.
        do {
            _ = try identity()
            return WarehouseError(
                .storage, "The SQLite database \(path), or the journal beside it, cannot be opened: \(said).",
                hint: "Let the user who runs Rollcall write the file's folder, and look at the limit of open files.")
        } catch {
            return error
        }
    }

    private func explainOther(_ error: DatabaseError, _ said: String) -> WarehouseError {
        if said.contains("no such table: rollcall_") || said.contains("no such table: main.rollcall_") {
            return WarehouseError(
                .stateMissing, "The SQLite database \(path) has no state tables of Rollcall yet.",
                hint: "Run `rollcall migrate`.")
        }
        if error.resultCode == .SQLITE_CONSTRAINT {
            return WarehouseError(.conflict, "The SQLite database \(path) refused a row: \(said).")
        }
        return WarehouseError(.other, "The SQLite database \(path) failed: \(said).")
    }

    private var waited: String {
        busyTimeoutSeconds == busyTimeoutSeconds.rounded()
            ? "\(Int(busyTimeoutSeconds)) s" : "\(busyTimeoutSeconds) s"
    }
}
