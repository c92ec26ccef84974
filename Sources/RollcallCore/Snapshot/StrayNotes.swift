public import Foundation

/// A change that a process sent, perhaps after its lease was another's. What became of it is not known.
public struct StrayNote: Sendable, Equatable {
    /// The run that sent it.
    public var runID: String
    public var listID: Int64
    public var fingerprint: Fingerprint
    public var identity: Identity
    public var operation: Operation
    /// Until when it may still be carried out.
    public var mayLandUntil: Date

    public init(
        runID: String, listID: Int64, fingerprint: Fingerprint, identity: Identity, operation: Operation,
        mayLandUntil: Date
    ) {
        self.runID = runID
        self.listID = listID
        self.fingerprint = fingerprint
        self.identity = identity
        self.operation = operation
        self.mayLandUntil = mayLandUntil
    }
}

/// An entry of the snapshot of a list that notes may be about.
public struct NotedEntry: Sendable, Equatable {
    public var listID: Int64
    public var fingerprint: Fingerprint
    public var identity: Identity
    /// nil: there is none.
    public var mark: EntryMark?
    /// The run whose note changed its state; nil: its state is what it was.
    public var changedBy: String?

    public init(
        listID: Int64, fingerprint: Fingerprint, identity: Identity, mark: EntryMark?, changedBy: String? = nil
    ) {
        self.listID = listID
        self.fingerprint = fingerprint
        self.identity = identity
        self.mark = mark
        self.changedBy = changedBy
    }
}

extension EntryTransition {
    /// What a note does to an entry of its person. Whatever became of the request, the next plan must put the entry right: so an
    /// entry that is relied on becomes one in doubt.
    /// - Parameter isOwn: whether it is the entry of the note's own change, and not one that shares an identifier with it.
    public static func noted(_ before: EntryMark?, _ operation: Operation, isOwn: Bool) -> EntryWrite {
        switch (operation, before?.state) {
        case (.subscribe, nil): return isOwn ? .put(EntryMark(.subscribing, listed: true)) : .keep
        case (.subscribe, let state?) where isOwn:
            return before?.listed == true ? .keep : .put(EntryMark(state, listed: true))
        case (.subscribe, .subscribed?):
            // The profile may have got the other identifier of the note.
            return .put(EntryMark(.subscribing, listed: before?.listed ?? false))
        case (.unsubscribe, .subscribed?), (.unsubscribe, .subscribing?):
            return .put(EntryMark(.unsubscribing, listed: before?.listed ?? false))
        default: return .keep
        }
    }
}

/// Notes of stray requests, and the entries that they are about.
public enum StrayNotes {
    /// What the notes do to the entries: those that change, as they are then.
    ///
    /// Unsubscribes count before subscribes where both touch an entry, and of several runs the latest.
    /// - Parameter entries: every entry of the notes' lists that has the fingerprint, the email or the userId of a note.
    public static func apply(_ notes: [StrayNote], _ entries: [NotedEntry]) -> [NotedEntry] {
        var table = Table(entries)
        let inOrder = notes.sorted { first, second in
            if first.operation != second.operation { return first.operation == .unsubscribe }
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
            var list: Int64
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
            byFingerprint[Self.key(entry.listID, entry.fingerprint)] = index
            for key in Self.names(entry.listID, entry.identity) { byName[key, default: []].append(index) }
        }

        private static func key(_ list: Int64, _ fingerprint: Fingerprint) -> Key {
            Key(list: list, column: .fingerprint, bytes: fingerprint.bytes)
        }

        private static func names(_ list: Int64, _ identity: Identity) -> [Key] {
            [(Column.email, identity.email), (.userID, identity.userID)].compactMap { column, name in
                name.map { Key(list: list, column: column, bytes: Array($0.utf8)) }
            }
        }

        /// Other entries that share an identifier with the note.
        func sharing(with note: StrayNote) -> [Int] {
            let found = Set(Self.names(note.listID, note.identity).flatMap { byName[$0] ?? [] })
            return found.filter { entries[$0].fingerprint != note.fingerprint }
        }

        mutating func own(of note: StrayNote) -> Int {
            if let index = byFingerprint[Self.key(note.listID, note.fingerprint)] { return index }
            add(NotedEntry(listID: note.listID, fingerprint: note.fingerprint, identity: note.identity, mark: nil))
            return entries.count - 1
        }

        mutating func apply(_ note: StrayNote, to index: Int, isOwn: Bool) {
            let before = entries[index].mark
            guard case .put(let mark) = EntryTransition.noted(before, note.operation, isOwn: isOwn) else { return }
            entries[index].mark = mark
            if before?.state != mark.state { entries[index].changedBy = note.runID }
            isChanged[index] = true
        }
    }
}
