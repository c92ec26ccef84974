internal import RollcallCore

/// Reads `cursor`.
enum CursorReader {
    static func read(_ sync: SectionReader) -> EventSettings.Cursor? {
        guard let section = sync.section(EventSyncKeys.cursor, as: CursorKeys.section) else {
            return sync.text(EventSyncKeys.cursor).map { EventSettings.Cursor(column: $0.value) }
        }
        let overlap = overlap(section)
        let sweep = section.span(CursorKeys.sweep)
        guard let column = section.text(CursorKeys.column) else { return nil }
        var cursor = EventSettings.Cursor(column: column.value)
        cursor.overlap = overlap
        if let sweep { cursor.sweepSeconds = sweep }
        return cursor
    }

    private static func overlap(_ reader: SectionReader) -> EventSettings.Cursor.Overlap? {
        let key = CursorKeys.overlap
        guard let (text, isQuoted) = reader.freeText(key) else { return nil }
        guard !isQuoted, text.value.wholeMatch(of: /[0-9]+/) != nil else {
            return reader.span(
                text, key, wrong: "is neither a span of time nor a whole number",
                suggestion: SectionReader.integerMeant(by: text.value),
                expected: "a span such as 15m; or a number such as 10000, where the column has whole numbers"
            ).map { .seconds($0) }
        }
        guard let steps = Int64(text.value) else {
            reader.reportWrong(key, text, "is out of range")
            return nil
        }
        return .steps(steps)
    }
}
