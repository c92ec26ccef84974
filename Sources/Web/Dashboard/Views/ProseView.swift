import RollcallCore

/// Text in which commands and settings stand between backticks, as hints have it: they are shown as code.
struct ProseView: PageView {
    struct Part: PageView {
        var isCode: Bool
        var words: [Word]
    }
    /// One word of a command, which is not broken where it fits on a line.
    struct Word: PageView {
        var text: String
        /// What comes before the next word.
        var gap: String
    }

    var parts: [Part]

    /// - Parameter limit: characters after which the rest is left out.
    init(_ text: String, limit: Int) {
        let pieces = DisplayText.safe(text, limit: limit).split(separator: "`", omittingEmptySubsequences: false)
        // The last backtick of an odd number begins nothing.
        let closed = pieces.count.isMultiple(of: 2) ? pieces.count - 1 : pieces.count
        parts = pieces.enumerated().map { index, piece in
            if index == closed { return Part(isCode: false, words: [Word(text: "`\(piece)", gap: "")]) }
            let isCode = !index.isMultiple(of: 2)
            guard isCode else { return Part(isCode: false, words: [Word(text: String(piece), gap: "")]) }
            let words = piece.split(separator: " ")
            return Part(
                isCode: true,
                words: words.enumerated().map { Word(text: String($1), gap: $0 == words.count - 1 ? "" : " ") })
        }
    }
}
