import RollcallCore

/// Rows that do not come, as they are known and unchanged: what is to be known of them, and what each would have done.
extension RecordDiff {
    /// What is to be known of a row, so that it need not come.
    var knownParts: KnownRows.Parts {
        var parts: KnownRows.Parts = []
        if shape.rankCell != nil { parts.insert(.rank) }
        if people?.claimsEmail == true { parts.insert(.email) }
        if people?.claimsUserID == true { parts.insert(.userID) }
        return parts
    }

    /// Whether the row of a record, as it was at its last reading, would leave nothing behind but that it was met, and needs not
    /// come for anything else. Only before the first row.
    /// - Parameter empty: units of the layout without a value.
    func isUnchanged(_ row: KnownRow, empty: FieldBits) -> Bool {
        let entry = table[row.fingerprint]
        guard kind(entry, row.content) == nil, checks[row.fingerprint] == nil else { return false }
        return empty.isEmpty || !watched.units(entry.held, table.held(entry)).contains(where: empty.contains)
    }

    /// Does what the row of an unchanged record does.
    func passOver(_ row: KnownRow) {
        counts.rowsRead += 1
        let record = table.number(adding: row.fingerprint)
        persons?.claim(.init(email: row.email, userID: row.userID), record) { table.fingerprint($0) }
        see(record, row.content, row.rank)
    }

    /// The records of which several rows were met, or one that cannot be sent, or one that shares an identifier with another record.
    var contested: Set<Fingerprint> {
        Set(contests.keys).union(refused.keys).union(persons?.sharing ?? [])
    }
}
