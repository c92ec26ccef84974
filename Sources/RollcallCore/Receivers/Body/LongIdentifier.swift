/// An identifier that is looked for in a text in one pass (Knuth, Morris, Pratt 1977), however often its beginning is repeated there.
/// Its first bytes are compared one by one with what stands before the others, which alone are looked for in the pass.
struct LongIdentifier {
    /// A place of the text at which the identifier stands.
    struct Place {
        var start: Int
        var end: Int
        /// Whether part of it is percent-encoded.
        var isEncoded: Bool
    }

    /// As many as may be read differently: who begins to read within `\u0040` or `%2540` finds up to five digits where others find
    /// one character, and goes on behind them like these.
    private static let headLength = 5
    /// Bytes of a text that stand for one byte of the identifier, at most.
    private static let longestCharacter = 6

    let count: Int
    private let head: [UInt8]
    private let rest: [UInt8]
    /// For each beginning of the rest, the length of the longest shorter one with which it ends.
    private let borders: [Int32]
    private let ignoresCase: Bool

    /// - Parameter bytes: more than six; at most 2 GB.
    init(_ bytes: [UInt8], ignoresCase: Bool) {
        count = bytes.count
        self.ignoresCase = ignoresCase
        let folded = bytes.map { Self.folded($0, ignoresCase) }
        head = Array(folded.prefix(Self.headLength))
        rest = Array(folded.dropFirst(Self.headLength))
        borders = Self.borders(of: rest)
    }

    private static func borders(of bytes: [UInt8]) -> [Int32] {
        var borders = [Int32](repeating: 0, count: bytes.count)
        var length = 0
        for place in bytes.indices.dropFirst() {
            while length > 0, bytes[length] != bytes[place] { length = Int(borders[length - 1]) }
            if bytes[length] == bytes[place] { length += 1 }
            borders[place] = Int32(length)
        }
        return borders
    }

    /// Forms write a blank as a plus sign; here one stands for the other both ways, so that what equals a third is equal.
    private static func folded(_ byte: UInt8, _ ignoresCase: Bool) -> UInt8 {
        if byte == UInt8(ascii: "+") { return UInt8(ascii: " ") }
        return ignoresCase ? ASCII.lowercased(byte) : byte
    }

    /// Where it stands in a text, in the order of the text; places may overlap.
    func places(in text: UnsafeRawBufferPointer) -> [Place] {
        guard text.count >= count else { return [] }
        var places: [Place] = []
        var window = Window()
        var matched = 0
        while let (byte, length) = IdentifierSearch.character(text, window.end) {
            let sign = Self.folded(byte, ignoresCase)
            while matched > 0, rest[matched] != sign { matched = Int(borders[matched - 1]) }
            if rest[matched] == sign { matched += 1 }
            window.append(length, text)
            if window.count > rest.count { window.removeFirst(text) }
            guard matched == rest.count else { continue }
            matched = Int(borders[matched - 1])
            addPlaces(before: window, text, to: &places)
        }
        return places.sorted { $0.start < $1.start }
    }

    /// The places at which the head stands before the rest; where nothing is encoded there, only one is possible.
    private func addPlaces(before window: Window, _ text: UnsafeRawBufferPointer, to places: inout [Place]) {
        let isPlain = window.start - window.endOfEscape >= Self.headLength
        let farthest = isPlain ? Self.headLength : Self.headLength * Self.longestCharacter
        let last = window.start - Self.headLength
        guard last >= 0 else { return }
        for start in max(0, window.start - farthest)...last {
            guard let isEncoded = isHeadEncoded(text, start, upTo: window.start) else { continue }
            places.append(Place(start: start, end: window.end, isEncoded: isEncoded || window.encoded > 0))
        }
    }

    /// Whether part of the head is percent-encoded; nil: it does not stand there.
    private func isHeadEncoded(_ text: UnsafeRawBufferPointer, _ start: Int, upTo end: Int) -> Bool? {
        var place = start
        var isEncoded = false
        for byte in head {
            guard let (found, length) = IdentifierSearch.character(text, place),
                Self.folded(found, ignoresCase) == byte
            else { return nil }
            isEncoded = isEncoded || IdentifierSearch.isPercentEncoded(text, place, length)
            place += length
        }
        return place == end ? isEncoded : nil
    }

    /// The last characters of what was read, as many as the rest has.
    private struct Window {
        var start = 0
        var end = 0
        var count = 0
        /// How many of the characters are percent-encoded.
        var encoded = 0
        /// Where the last character before it ends that is written as an escape; 0: none is.
        var endOfEscape = 0

        mutating func append(_ length: Int, _ text: UnsafeRawBufferPointer) {
            if IdentifierSearch.isPercentEncoded(text, end, length) { encoded += 1 }
            end += length
            count += 1
        }

        mutating func removeFirst(_ text: UnsafeRawBufferPointer) {
            guard let (_, length) = IdentifierSearch.character(text, start) else { return }
            if IdentifierSearch.isPercentEncoded(text, start, length) { encoded -= 1 }
            start += length
            count -= 1
            if length > 1 { endOfEscape = start }
        }
    }
}

/// The places of a long identifier in a text, asked for one after the other.
struct LongIdentifierPlaces {
    private let places: [LongIdentifier.Place]
    private var next = 0

    init(_ identifier: LongIdentifier, in text: UnsafeRawBufferPointer) { places = identifier.places(in: text) }

    /// - Parameter start: not before the one asked for last.
    mutating func at(_ start: Int) -> LongIdentifier.Place? {
        while next < places.count, places[next].start < start { next += 1 }
        return next < places.count && places[next].start == start ? places[next] : nil
    }
}
