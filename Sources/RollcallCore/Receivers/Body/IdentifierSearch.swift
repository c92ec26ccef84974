/// Finds identifiers inside texts: as they are, percent-encoded as in the address of a page (once or twice, RFC 3986), and, of
/// emails, in letters of another case. The work grows with the text alone, whatever its sender chose for identifiers.
struct IdentifierSearch {
    private struct Needle {
        var value: [UInt8]
        /// The value; of emails in lower case.
        var bytes: [UInt8]
        var isEmail: Bool
        var replacement: [UInt8]
    }

    /// Where a needle stands.
    private struct Found {
        var needle: Int
        var end: Int
        /// Whether part of it is percent-encoded.
        var isEncoded: Bool
    }

    /// Bytes of a needle that may be compared at each place of a text; longer ones are looked for by ``LongIdentifier``.
    static let longestCompared = 32

    /// The longest first, so that of two identifiers, one of which begins with the other, the whole is found.
    private let needles: [Needle]
    /// The first of the needles, those that are longer than ``longestCompared``.
    private let long: [LongIdentifier]
    /// By the byte with which a place of a text begins, decoded: which of the other needles may stand there, in their order.
    private var candidates = [[Int]](repeating: [], count: 256)

    /// - Parameter values: the identifiers of one person.
    init(_ values: some Collection<String>, _ hiding: IdentifierHiding) {
        needles = Set(values.filter { !$0.isEmpty }).map { value in
            let bytes = Array(value.utf8)
            let isEmail = IdentifierHiding.isEmail(bytes)
            return Needle(
                value: bytes, bytes: isEmail ? bytes.map(ASCII.lowercased) : bytes, isEmail: isEmail,
                replacement: Array(hiding.inAnyCase(value).utf8))
        }
        .sorted {
            ($0.bytes.count, $0.bytes) == ($1.bytes.count, $1.bytes)
                ? $0.replacement.lexicographicallyPrecedes($1.replacement) : $0.bytes.count > $1.bytes.count
        }
        long = needles.prefix { $0.bytes.count > Self.longestCompared }
            .map { LongIdentifier($0.bytes, ignoresCase: $0.isEmail) }
        for (index, needle) in needles.enumerated().dropFirst(long.count) {
            let first = needle.bytes[0]
            candidates[Int(first)].append(index)
            if needle.isEmail, (97...122).contains(first) { candidates[Int(first & ~0x20)].append(index) }
            if first == UInt8(ascii: " ") { candidates[Int(UInt8(ascii: "+"))].append(index) }
        }
    }

    var isEmpty: Bool { needles.isEmpty }

    /// A text without the identifiers; nil where it has none.
    func replacing(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        if let whole = needles.first(where: { $0.value.elementsEqual(text) }) { return whole.replacement }
        let found = replacements(in: text)
        return found.isEmpty ? nil : found.applied(to: text)
    }

    /// The identifiers in a text.
    func replacements(in text: ArraySlice<UInt8>) -> Replacements {
        text.withUnsafeBytes { text in
            var found = Replacements()
            var places = long.map { LongIdentifierPlaces($0, in: text) }
            var place = 0
            while place < text.count {
                guard let match = longMatch(text, place, &places) ?? match(text, place) else {
                    place += 1
                    continue
                }
                let replacement = needles[match.needle].replacement
                found.add(place..<match.end, match.isEncoded ? Self.percentEncoded(replacement) : replacement)
                place = match.end
            }
            return found
        }
    }

    private func longMatch(
        _ text: UnsafeRawBufferPointer, _ start: Int, _ places: inout [LongIdentifierPlaces]
    ) -> Found? {
        for index in places.indices {
            guard let place = places[index].at(start), isWhole(needles[index], start..<place.end, text) else {
                continue
            }
            return Found(needle: index, end: place.end, isEncoded: place.isEncoded)
        }
        return nil
    }

    private func match(_ text: UnsafeRawBufferPointer, _ start: Int) -> Found? {
        guard let (first, _) = Self.character(text, start) else { return nil }
        for index in candidates[Int(first)] {
            if let (end, isEncoded) = match(text, start, needles[index]) {
                return Found(needle: index, end: end, isEncoded: isEncoded)
            }
        }
        return nil
    }

    private func match(_ text: UnsafeRawBufferPointer, _ start: Int, _ needle: Needle) -> (Int, Bool)? {
        var place = start
        var isEncoded = false
        for byte in needle.bytes {
            guard let (found, length) = Self.character(text, place) else { return nil }
            // Forms write a blank as a plus sign.
            guard found == byte || needle.isEmail && ASCII.lowercased(found) == byte || found == 43 && byte == 32 else {
                return nil
            }
            isEncoded = isEncoded || Self.isPercentEncoded(text, place, length)
            place += length
        }
        return isWhole(needle, start..<place, text) ? (place, isEncoded) : nil
    }

    /// A userId is found as a word only: most are short, and part of others.
    private func isWhole(_ needle: Needle, _ range: Range<Int>, _ text: UnsafeRawBufferPointer) -> Bool {
        if needle.isEmail { return true }
        let isFollowed = range.upperBound < text.count && Self.isWord(text[range.upperBound])
        return !isFollowed && !Self.isWordByte(before: range.lowerBound, in: text)
    }

    /// The byte that stands at a place, decoded where it is written as `%40`, `%2540` or `\u0040`, and how long that is.
    static func character(_ text: UnsafeRawBufferPointer, _ place: Int) -> (UInt8, Int)? {
        guard place < text.count else { return nil }
        func hexadecimal(_ at: Int) -> UInt8? {
            guard at + 1 < text.count, let high = HexadecimalDigit.value(text[at]),
                let low = HexadecimalDigit.value(text[at + 1])
            else { return nil }
            return high << 4 | low
        }
        switch text[place] {
        case UInt8(ascii: "%"):
            guard let byte = hexadecimal(place + 1) else { return (text[place], 1) }
            if byte == UInt8(ascii: "%"), let inner = hexadecimal(place + 3) { return (inner, 5) }
            return (byte, 3)
        case UInt8(ascii: "\\"):
            guard place + 5 < text.count, text[place + 1] == UInt8(ascii: "u"), hexadecimal(place + 2) == 0,
                let byte = hexadecimal(place + 4), byte < 0x80
            else { return (text[place], 1) }
            return (byte, 6)
        default: return (text[place], 1)
        }
    }

    /// - Parameter length: of the character at the place.
    static func isPercentEncoded(_ text: UnsafeRawBufferPointer, _ place: Int, _ length: Int) -> Bool {
        length > 1 && text[place] == UInt8(ascii: "%")
    }

    private static func isWordByte(before place: Int, in text: UnsafeRawBufferPointer) -> Bool {
        guard place > 0 else { return false }
        // Digits and letters of `\u003D`, `%253D`, `%3D` and `\n` are none of a word.
        for length in [6, 5, 3] where place >= length {
            if let (byte, found) = character(text, place - length), found == length { return isWord(byte) }
        }
        if place >= 2, text[place - 2] == UInt8(ascii: "\\"), "bfnrt".utf8.contains(text[place - 1]) { return false }
        return isWord(text[place - 1])
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte | 0x20) || byte >= 0x80
    }

    private static func percentEncoded(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            if byte < 0x80, isWord(byte) || [45, 46, 95, 126, 42, 58].contains(byte) { return [byte] }
            return Array("%".utf8) + Array([byte].hexadecimal.uppercased().utf8)
        }
    }
}
