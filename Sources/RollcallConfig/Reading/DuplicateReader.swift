internal import RollcallCore

/// Reads `duplicates`.
enum DuplicateReader {
    static func read(_ sync: SectionReader) -> DuplicateRule {
        if let section = sync.section(RecordKeys.duplicates, as: DuplicateKeys.section) {
            return section.text(DuplicateKeys.newest).map { .newest($0.value) } ?? .refuse
        }
        if let word = sync.text(RecordKeys.duplicates), word.value != RecordKeys.refuse {
            sync.reportWrong(
                RecordKeys.duplicates, word, "is not one of the choices",
                expected: "refuse, or { newest: column }")
        }
        return .refuse
    }
}
