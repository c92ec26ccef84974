/// How far one word is from another.
package enum EditDistance {
    /// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, each counted once.
    package static func between(_ left: String, _ right: String) -> Int {
        let a = Array(left.unicodeScalars)
        let b = Array(right.unicodeScalars)
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var beforePrevious = [Int](repeating: 0, count: b.count + 1)
        var previous = Array(0...b.count)
        for i in 1...a.count {
            var current = [i] + [Int](repeating: 0, count: b.count)
            for j in 1...b.count {
                let cost = a[i - 1] == b[j - 1] ? 0 : 1
                current[j] = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    current[j] = min(current[j], beforePrevious[j - 2] + 1)
                }
            }
            beforePrevious = previous
            previous = current
        }
        return previous[b.count]
    }

    /// The candidate nearest to `word`, if it is near enough to be a slip: the same but for case, `_` and `-`, or at
    /// most a third of its letters (one at least, three at most) away.
    package static func nearest(to word: String, among candidates: [String]) -> String? {
        let wanted = normalized(word)
        if let same = candidates.first(where: { normalized($0) == wanted && $0 != word }) { return same }
        guard word.utf8.count <= 100 else { return nil }
        var best: (distance: Int, candidate: String)?
        for candidate in candidates where candidate != word {
            let allowed = min(3, max(1, max(word.count, candidate.count) / 3))
            let found = between(word.lowercased(), candidate.lowercased())
            if found <= allowed, found < best?.distance ?? Int.max, found < candidate.count {
                best = (found, candidate)
            }
        }
        return best?.candidate
    }

    /// A word without what people write in different ways.
    package static func normalized(_ word: String) -> String {
        word.lowercased().filter { $0 != "_" && $0 != "-" && $0 != " " }
    }
}
