import Foundation
import RollcallCore
import Warehouse

/// The event that a row means.
extension EventDiff {
    /// - Returns: whether it can be sent.
    func send(
        _ values: UnsafeBufferPointer<FieldValue>, _ shown: (AudienceCell, AudienceCell), _ fingerprint: Fingerprint,
        _ content: Int64, _ position: Int64?
    ) throws -> Bool {
        let fields: [UInt8]
        do throws(RefusedRecord) {
            fields = try writer.write(values, subject, nulls: [])
        } catch {
            try refuse(shown, error.reason, hasKey: true, position)
            return false
        }
        let id = event.id.map { String(decoding: $0, as: UTF8.self) } ?? subject.derivedID
        let payload = event.write(subject, id: id, fields: fields, createsNewFields: createsNewFields)
        guard payload.count <= largest else {
            let reason = FailureReason(
                code: "value_too_long",
                reason:
                    "The event has \(payload.count) bytes as JSON; one request takes \(largest) (limits.bytes_per_request)."
            )
            try refuse(shown, reason, hasKey: true, position)
            return false
        }
        if event.id != nil {
            if let owner = owners[id], owner != fingerprint { sharedIDs.formUnion([owner, fingerprint]) }
            owners[id] = fingerprint
        }
        let entry = entryOf(fingerprint, content, position, id: id, kind: .send, payload: payload)
        try spool.add(entry, person: person(entry.identity))
        lowestNew = [lowestNew, position].compactMap(\.self).min()
        if names.count < Self.mostNames { names.insert(entry.event.name) }
        if isBackfill, let position, let keptFrom, position < keptFrom, table[fingerprint].state == nil {
            forgotten += 1
        }
        return true
    }

    func person(_ identity: Identity) -> UInt64 {
        guard identity.email != nil || identity.userID != nil else { return 0 }
        return identity.withBytes { fingerprinter.fingerprint(email: $0, userID: $1).high }
    }

    func entryOf(
        _ fingerprint: Fingerprint, _ content: Int64, _ position: Int64?, id: String, kind: ChangeKind,
        payload: [UInt8]
    ) -> EventEntry {
        EventEntry(
            kind: kind, fingerprint: fingerprint, key: LoggedText.text(of: subject.key), content: content,
            identity: kind == .skip ? Identity(email: nil, userID: nil) : subject.identity,
            event: EventReference(
                id: id, name: String(decoding: event.name, as: UTF8.self), order: event.createdAt ?? position ?? 0,
                position: position, firstSeen: now),
            payload: payload)
    }
}
