/// Numbers and truth values that a text holds as a whole.
enum TextForm {
    /// `-?[0-9]+` within the range of 64 bits.
    static func long(_ text: UnsafeRawBufferPointer) throws(FieldProblem) -> Int64 {
        guard isNumber(text, mayHaveFraction: false) else { throw .wrongForm }
        return try whole(text)
    }

    /// `-?[0-9]+`, perhaps a point and more digits, perhaps an exponent. Gives the text.
    static func decimal(_ text: UnsafeRawBufferPointer) throws(FieldProblem) -> UnsafeRawBufferPointer {
        guard isNumber(text, mayHaveFraction: true) else { throw .wrongForm }
        guard Double(String(decoding: text, as: UTF8.self))?.isFinite == true else { throw .notANumber }
        return text
    }

    /// `true` or `false` in letters of any case.
    static func boolean(_ text: UnsafeRawBufferPointer) throws(FieldProblem) -> Bool {
        switch text.count {
        case 4 where isWord("true", text): return true
        case 5 where isWord("false", text): return false
        default: throw .wrongForm
        }
    }

    /// An integer in digits, of which a fraction of zeros may be part (`12.00`).
    static func whole(_ digits: UnsafeRawBufferPointer) throws(FieldProblem) -> Int64 {
        var place = 0
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { place = 1 }
        var value: Int64 = 0
        let start = place
        while place < digits.count, (48...57).contains(digits[place]) {
            let (tens, isBeyond) = value.multipliedReportingOverflow(by: 10)
            // Counted downwards: the least number has no counterpart.
            let (next, isBeyondNow) = tens.subtractingReportingOverflow(Int64(digits[place] - 48))
            if isBeyond || isBeyondNow { throw .beyondInt64 }
            value = next
            place += 1
        }
        guard place > start else { throw .notANumber }
        if place < digits.count {
            guard digits[place] == UInt8(ascii: "."), digits[(place + 1)...].allSatisfy({ $0 == 48 }) else {
                throw .hasFraction
            }
        }
        if isNegative { return value }
        guard value != .min else { throw .beyondInt64 }
        return -value
    }

    private static func isWord(_ word: StaticString, _ text: UnsafeRawBufferPointer) -> Bool {
        text.indices.allSatisfy { text[$0] | 0x20 == word.utf8Start[$0] }
    }

    private static func isNumber(_ text: UnsafeRawBufferPointer, mayHaveFraction: Bool) -> Bool {
        var rest = text[...]
        func digits() -> Bool {
            let found = rest.prefix { (48...57).contains($0) }
            rest = rest.dropFirst(found.count)
            return !found.isEmpty
        }
        func take(_ bytes: [UInt8]) -> Bool {
            guard let first = rest.first, bytes.contains(first) else { return false }
            rest = rest.dropFirst()
            return true
        }
        _ = take([UInt8(ascii: "-")])
        guard digits() else { return false }
        guard mayHaveFraction else { return rest.isEmpty }
        if take([UInt8(ascii: ".")]), !digits() { return false }
        if take([UInt8(ascii: "e"), UInt8(ascii: "E")]) {
            _ = take([UInt8(ascii: "+"), UInt8(ascii: "-")])
            if !digits() { return false }
        }
        return rest.isEmpty
    }
}
