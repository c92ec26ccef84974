/// Which entries of a snapshot are meant: those of one list, or all records of a sync of another kind.
package enum EntrySet: Sendable, Hashable {
    case list(Int64)
    case records(RecordKind)

    /// nil: no list.
    package var listID: Int64? { if case .list(let id) = self { id } else { nil } }
}

extension SyncRun {
    /// The entries that the run may change; nil while its list is not known.
    package var entrySet: EntrySet? { kind == .list ? listID.map(EntrySet.list) : .records(kind) }
}

/// What a record is known by, and a hash of what was sent of it. Members of lists have none.
package struct RecordReference: Sendable, Hashable {
    /// The text of its key; of a key of several columns a JSON array of their texts.
    package var key: String
    /// Of catalogs: the id under which it is in Iterable.
    package var itemID: String?
    /// ``RecordLayout/hash(_:_:_:)`` of the object.
    package var content: Int64

    /// The content of a record that is to be put again, whatever its row has: no hash of an object, but for a chance of 1 in 2^64.
    package static let forgottenContent: Int64 = 0

    /// The same record, of which another content is put in any case.
    package var forgotten: RecordReference {
        RecordReference(key: key, itemID: itemID, content: Self.forgottenContent)
    }

    package init(key: String, itemID: String? = nil, content: Int64) {
        self.key = key
        self.itemID = itemID
        self.content = content
    }
}
