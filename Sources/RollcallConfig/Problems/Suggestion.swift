import RollcallCore

/// Finds what was probably meant by a misspelt word.
enum Suggestion {
    /// The candidate nearest to `word`, if it is near enough to be a slip: the same but for case, `_` and `-`, or at
    /// most a third of its letters (one at least, three at most) away.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        let wanted = normalized(word)
        if let same = candidates.first(where: { normalized($0) == wanted && $0 != word }) { return same }
        guard word.utf8.count <= 100 else { return nil }
        var best: (distance: Int, candidate: String)?
        for candidate in candidates where candidate != word {
            let allowed = min(3, max(1, max(word.count, candidate.count) / 3))
            let found = EditDistance.between(word.lowercased(), candidate.lowercased())
            if found <= allowed, found < best?.distance ?? Int.max, found < candidate.count {
                best = (found, candidate)
            }
        }
        return best?.candidate
    }

    static func normalized(_ word: String) -> String {
        word.lowercased().filter { $0 != "_" && $0 != "-" && $0 != " " }
    }
}
