import Foundation
import Synchronization

@testable import Warehouse

/// A state with a row in every table, each column with a value.
enum StateSamples {
    private static let run = text("01990000-0000-7000-8000-000000000001")
    private static let time = text("2026-11-21T06:00:00.125Z")
    private static let end = text("2026-11-21T06:00:59.999Z")

    static func text(_ value: String) -> StateValue { .text(Array(value.utf8)) }

    /// What `read` gives of a fresh state, with a row behind each table.
    static func filled(_ parts: [StatePart], sync: String) -> [StatePart] {
        parts.flatMap { part in
            guard case .table(let table, let columns) = part else { return [part] }
            return [part, .row(columns.map { value($0, of: table, sync) })]
        }
    }

    /// Tables with a few columns each.
    static func parts(of sync: String) -> [StatePart] {
        filled(
            [
                .table(.changes, columns: ["run_id", "sequence", "kind", "operation", "fingerprint", "email"]),
                .table(
                    .members,
                    columns: [
                        "sync_name", "list_id", "fingerprint", "email", "state", "listed", "since_run_id", "since",
                    ]),
                .table(.log, columns: ["run_id", "sync_name", "email", "operation", "status", "logged_at"]),
                .table(.runs, columns: ["run_id", "sync_name", "destination", "trigger", "status", "started_at"]),
                .table(.ticks, columns: ["sync_name", "due_at", "outcome"]),
                .table(.state, columns: ["sync_name", "fingerprint_key", "generation", "paused"]),
            ], sync: sync)
    }

    /// The same of another run; what syncs share stays as it is.
    static func withAnotherRun(_ parts: [StatePart]) -> [StatePart] {
        var isShared = false
        return parts.map { part in
            switch part {
            case .table(let table, _): isShared = table.isShared
            case .row(let values) where !isShared:
                return .row(values.map { $0 == run ? text("01990000-0000-7000-8000-000000000002") : $0 })
            case .row: break
            }
            return part
        }
    }

    private static func value(_ column: String, of table: StateTable, _ sync: String) -> StateValue {
        switch column {
        case "sync_name": text(sync)
        case "run_id", "since_run_id", "cancel_run_id", "staged_run_id", "created_by_run": run
        case "finished_at": .null
        case "status": text("held")
        case "trigger": text("manual")
        case "kind": text(table == .changes ? "send" : "list")
        case "state": text(table == .events ? "waiting" : table == .members ? "subscribed" : "synced")
        case "counts": text(#"{"put": {"failed": 0, "planned": 1}}"#)
        case "destination": text("marketing")
        case "email": text("zoë+\u{1F600}'\\@example.com")
        case "fingerprint", "event_key": .bytes((0..<16).map { UInt8($0 * 16 + 1) })
        case "fingerprint_key": .bytes((0..<16).map { UInt8(255 - $0) })
        case "values_held", "values_in_doubt": .bytes([0x80, 0, 1])
        case "payload": .bytes(Array(#"{"a":"\u0000 ä"}"#.utf8) + [0, 255])
        case "claimed_at": time
        case "logged_at", "at", "since": end
        case "lateness_seconds": .real(0.1 + 0.2)
        case "read_seconds": .real(1.5)
        case "content", "generation", "happened", "position": .integer(-9_007_199_254_740_993)
        default: other(column)
        }
    }

    private static func other(_ column: String) -> StateValue {
        let times = [
            "started_at", "not_before", "settles_at", "due_at", "first_seen", "noted_at", "accepted_at",
            "last_sweep_at",
            "list_created_at", "list_gone_at", "last_write_at", "ticked_through",
        ]
        let flags = ["listed", "owned", "paused", "full_resync", "was_waiting", "has_failed"]
        let texts = [
            "list_name", "base_url", "key_hash", "schedule", "alert_state", "mapping_hash", "target", "error_code",
            "error_message", "error_hint", "held_by", "user_id", "operation", "error_reason", "record_key", "item_id",
            "event_name", "event_id", "logged_email", "logged_user_id", "logged_key", "column_name", "watermark",
            "staged", "scope", "field", "type", "outcome", "read_mode", "read_reason",
        ]
        if times.contains(column) { return time }
        if flags.contains(column) { return .integer(1) }
        return texts.contains(column) ? text("\(column) of it") : .integer(3)
    }
}

/// A state that is given from memory.
final class Parts: StateParts {
    struct Failure: Error {}

    private let left: Mutex<ArraySlice<StatePart>>
    private let thenFails: Bool

    init(_ parts: [StatePart], thenFails: Bool = false) {
        left = Mutex(parts[...])
        self.thenFails = thenFails
    }

    func next() throws -> StatePart? {
        let part = left.withLock { $0.popFirst() }
        if part == nil, thenFails { throw Failure() }
        return part
    }
}
