/// Parts of a text, and what is to stand in their places.
struct Replacements {
    /// In their order, none within another.
    private var parts: [(range: Range<Int>, content: [UInt8])] = []

    var isEmpty: Bool { parts.isEmpty }

    /// - Parameter range: behind all others, counted from the beginning of the text.
    mutating func add(_ range: Range<Int>, _ content: some Sequence<UInt8>) { parts.append((range, Array(content))) }

    func applied(to text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var place = text.startIndex
        for (range, content) in parts {
            result.append(contentsOf: text[place..<text.startIndex + range.lowerBound])
            result.append(contentsOf: content)
            place = text.startIndex + range.upperBound
        }
        result.append(contentsOf: text[place...])
        return result
    }

    /// Where a place of the text is in the result; of one within a part, the end of what stands there.
    func place(of place: Int) -> Int {
        var moved = place
        for (range, content) in parts {
            if range.lowerBound >= place { break }
            moved += content.count - range.count + max(0, range.upperBound - place)
        }
        return moved
    }
}
