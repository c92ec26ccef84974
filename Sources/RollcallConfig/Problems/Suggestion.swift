import RollcallCore

/// Finds what was probably meant by a misspelt word.
enum Suggestion {
    static func nearest(to word: String, among candidates: [String]) -> String? {
        EditDistance.nearest(to: word, among: candidates)
    }

    static func normalized(_ word: String) -> String { EditDistance.normalized(word) }
}
