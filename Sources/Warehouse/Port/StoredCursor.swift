import Foundation
import RollcallCore

/// An ``EventCursor`` as a row of `sync_cursors` has it.
enum StoredCursor {
    static func json(_ cursor: EventCursor) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(cursor), as: UTF8.self)
    }

    static func cursor(_ json: String) throws(WarehouseError) -> EventCursor {
        do {
            return try JSONDecoder().decode(EventCursor.self, from: Data(json.utf8))
        } catch {
            throw WarehouseError(.other, "A row of sync_cursors cannot be read; it was changed by hand.")
        }
    }

    /// The column `watermark`: `2026-11-21T06:00:00.000000Z`, or the number.
    static func watermark(_ cursor: EventCursor) -> String? {
        guard let position = cursor.watermark else { return nil }
        guard cursor.isTime, let text = CivilTimeText.writable(microseconds: position) else { return String(position) }
        return text.utf8.contains(UInt8(ascii: ".")) ? text : "\(text.dropLast()).000000Z"
    }
}

extension SyncRun {
    /// Whether its plans may say where the cursor moves: those of events, and of streams.
    var mayMoveCursor: Bool { kind == .events || trigger == .stream }
}
