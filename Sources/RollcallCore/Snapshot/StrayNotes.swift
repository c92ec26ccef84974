package import Foundation

/// A change that a process sent, perhaps after its lease was another's. What became of it is not known.
package struct StrayNote: Sendable, Equatable {
    /// The run that sent it.
    package var runID: String
    package var entries: EntrySet
    package var fingerprint: Fingerprint
    package var identity: Identity
    /// nil: a member of a list.
    package var record: RecordReference?
    /// The hash of what was put, of a record or of a member who was sent with fields.
    package var content: Int64?
    package var operation: Operation
    /// Until when it may still be carried out.
    package var mayLandUntil: Date
    /// The fields that hold a value if it was carried out (``HeldFields/ifInDoubt``); nil: it is not known.
    package var held: FieldBits?

    package init(
        runID: String, entries: EntrySet, fingerprint: Fingerprint, identity: Identity, record: RecordReference? = nil,
        content: Int64? = nil, operation: Operation, mayLandUntil: Date, held: FieldBits? = nil
    ) {
        self.runID = runID
        self.entries = entries
        self.fingerprint = fingerprint
        self.identity = identity
        self.record = record
        self.content = record?.content ?? content
        self.operation = operation
        self.mayLandUntil = mayLandUntil
        self.held = held
    }
}

/// An entry of the snapshot that notes may be about.
package struct NotedEntry: Sendable, Equatable {
    package var entries: EntrySet
    package var fingerprint: Fingerprint
    package var identity: Identity
    /// nil: a member of a list.
    package var record: RecordReference?
    /// The hash of what was put, of a record or of a member who was sent with fields.
    package var content: Int64?
    /// nil: there is none.
    package var mark: EntryMark?
    /// The run whose note changed its state; nil: its state is what it was.
    package var changedBy: String?
    /// The fields that this sync may have given a value.
    package var held = FieldBits()

    package init(
        entries: EntrySet, fingerprint: Fingerprint, identity: Identity, record: RecordReference? = nil,
        content: Int64? = nil, mark: EntryMark?, changedBy: String? = nil
    ) {
        self.entries = entries
        self.fingerprint = fingerprint
        self.identity = identity
        self.record = record
        self.content = record?.content ?? content
        self.mark = mark
        self.changedBy = changedBy
    }
}

extension EntryTransition {
    /// What a note does to an entry of its person. Whatever became of the request, the next plan must put the entry right: so an
    /// entry that is relied on becomes one in doubt.
    /// - Parameters:
    ///   - isOwn: whether it is the entry of the note's own change, and not one that shares an identifier with it.
    ///   - isSame: whether the entry has the content that was sent. Always so where entries have none.
    package static func noted(
        _ before: EntryMark?, _ direction: Direction, isOwn: Bool, isSame: Bool = true
    ) -> EntryWrite {
        switch (direction, before?.state) {
        case (.put, nil): return isOwn ? .put(EntryMark(.subscribing, listed: true)) : .keep
        case (.put, let state?) where isOwn:
            let after = EntryMark(isSame || state == .unsubscribing ? state : .subscribing, listed: true)
            return after == before ? .keep : .put(after)
        case (.put, .subscribed?):
            // The profile may have got the other identifier of the note.
            return .put(EntryMark(.subscribing, listed: before?.listed ?? false))
        case (.remove, .subscribed?), (.remove, .subscribing?):
            return .put(EntryMark(.unsubscribing, listed: before?.listed ?? false))
        default: return .keep
        }
    }
}

/// Notes of stray requests, and the entries that they are about.
package enum StrayNotes {
    /// What the notes do to the entries: those that change, as they are then.
    ///
    /// Removals count before what puts where both touch an entry, and of several runs the latest.
    /// - Parameter entries: every entry of the notes' sets that has the fingerprint, the email or the userId of a note.
    package static func apply(_ notes: [StrayNote], _ entries: [NotedEntry]) -> [NotedEntry] {
        var table = Table(entries)
        let inOrder = notes.sorted { first, second in
            let (one, other) = (first.operation.direction, second.operation.direction)
            if one != other { return one == .remove }
            return first.runID > second.runID
        }
        for note in inOrder {
            for index in table.sharing(with: note) { table.apply(note, to: index, isOwn: false) }
            table.apply(note, to: table.own(of: note), isOwn: true)
        }
        return table.entries.indices.filter { table.isChanged[$0] }.map { table.entries[$0] }
    }

    private struct Table {
        var entries: [NotedEntry]
        var isChanged: [Bool]
        private var byFingerprint: [Key: Int] = [:]
        private var byName: [Key: [Int]] = [:]

        /// Identifiers are compared byte for byte.
        private struct Key: Hashable {
            var set: EntrySet
            var column: Column
            var bytes: [UInt8]
        }
        private enum Column { case fingerprint, email, userID }

        init(_ entries: [NotedEntry]) {
            self.entries = []
            isChanged = []
            for entry in entries { add(entry) }
        }

        private mutating func add(_ entry: NotedEntry) {
            let index = entries.count
            entries.append(entry)
            isChanged.append(false)
            byFingerprint[Self.key(entry.entries, entry.fingerprint)] = index
            for key in Self.names(entry.entries, entry.identity) { byName[key, default: []].append(index) }
        }

        private static func key(_ set: EntrySet, _ fingerprint: Fingerprint) -> Key {
            Key(set: set, column: .fingerprint, bytes: fingerprint.bytes)
        }

        private static func names(_ set: EntrySet, _ identity: Identity) -> [Key] {
            [(Column.email, identity.email), (.userID, identity.userID)].compactMap { column, name in
                name.map { Key(set: set, column: column, bytes: Array($0.utf8)) }
            }
        }

        /// Other entries that share an identifier with the note.
        func sharing(with note: StrayNote) -> [Int] {
            let found = Set(Self.names(note.entries, note.identity).flatMap { byName[$0] ?? [] })
            return found.filter { entries[$0].fingerprint != note.fingerprint }
        }

        mutating func own(of note: StrayNote) -> Int {
            if let index = byFingerprint[Self.key(note.entries, note.fingerprint)] { return index }
            add(
                NotedEntry(
                    entries: note.entries, fingerprint: note.fingerprint, identity: note.identity, record: note.record,
                    content: note.content, mark: nil))
            return entries.count - 1
        }

        mutating func apply(_ note: StrayNote, to index: Int, isOwn: Bool) {
            let before = entries[index].mark
            // A member who was sent without fields keeps those of before.
            let isSame = note.content == nil || entries[index].content == note.content
            let write = EntryTransition.noted(before, note.operation.direction, isOwn: isOwn, isSame: isSame)
            if isOwn, let held = note.held {
                let known = entries[index].held
                entries[index].held.formUnion(held)
                if entries[index].held != known { isChanged[index] = true }
            }
            guard case .put(let mark) = write else { return }
            entries[index].mark = mark
            if before?.state != mark.state { entries[index].changedBy = note.runID }
            isChanged[index] = true
        }
    }
}
