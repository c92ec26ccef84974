internal import RollcallCore

/// Reads `key` of users and events.
enum KeyReader {
    /// Empty where the file leaves it out and may do so; nil when it is wrong, which is reported.
    static func columns(_ sync: SectionReader, _ kind: RecordKind) -> [String]? {
        let key = RecordKeys.key.narrowed(to: kind)
        if key.isRequired, !sync.require(key) { return nil }
        guard sync.has(key) else { return [] }
        guard sync.isList(key) else { return sync.text(key).map { [$0.value] } }
        guard let columns = sync.texts(key) else { return nil }
        // Bytes, as the warehouses tell names apart.
        var seen: Set<[UInt8]> = []
        guard let twice = columns.first(where: { !seen.insert(Array($0.utf8)).inserted }) else { return columns }
        sync.report(
            at: key, "\(sync.path(of: key.name)) names the column \(TextLayout.quoted(twice)) twice",
            hint: "Name each column of the key once.")
        return nil
    }
}
