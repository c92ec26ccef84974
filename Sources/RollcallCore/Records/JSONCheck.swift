import Foundation

/// Looks whether a text is JSON that parsers read alike (RFC 8259): no key twice, no lone surrogates, no U+0000, no number beyond
/// those of double precision, texts and nesting within ``FieldLimits``. Integers may have any number of digits. One pass, no
/// recursion.
struct JSONCheck {
    private let bytes: UnsafeRawBufferPointer
    private var place = 0
    /// The keys so far of each object around the present place; nil for arrays.
    private var open: [Set<String>?] = []

    static func check(_ bytes: UnsafeRawBufferPointer) throws(FieldProblem) {
        var check = JSONCheck(bytes)
        try check.document()
    }

    private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private mutating func document() throws(FieldProblem) {
        repeat {
            try valueOrOpening()
            try closings()
        } while !open.isEmpty
        skipBlanks()
        guard place == bytes.count else { throw .notJSON }
    }

    /// A whole value, or everything up to the first value within it.
    private mutating func valueOrOpening() throws(FieldProblem) {
        while true {
            skipBlanks()
            switch try next() {
            case UInt8(ascii: "{"):
                try push([])
                skipBlanks()
                if peek() == UInt8(ascii: "}") { return }
                try key()
            case UInt8(ascii: "["):
                try push(nil)
                skipBlanks()
                if peek() == UInt8(ascii: "]") { return }
            case UInt8(ascii: "\""):
                _ = try text(wantsContent: false)
                return
            case UInt8(ascii: "t"): return try word("rue")
            case UInt8(ascii: "f"): return try word("alse")
            case UInt8(ascii: "n"): return try word("ull")
            default:
                place -= 1
                return try number()
            }
        }
    }

    /// Closes what ends here, and goes to the next value of what does not.
    private mutating func closings() throws(FieldProblem) {
        while let innermost = open.last {
            skipBlanks()
            let byte = try next()
            if byte == (innermost == nil ? UInt8(ascii: "]") : UInt8(ascii: "}")) {
                open.removeLast()
                continue
            }
            guard byte == UInt8(ascii: ",") else { throw .notJSON }
            if innermost != nil {
                skipBlanks()
                try key()
            }
            return
        }
    }

    private mutating func push(_ keys: Set<String>?) throws(FieldProblem) {
        open.append(keys)
        guard open.count <= FieldLimits.deepestJSON else { throw .tooDeep }
    }

    private mutating func key() throws(FieldProblem) {
        guard try next() == UInt8(ascii: "\"") else { throw .notJSON }
        let key = try text(wantsContent: true)
        // As scalars: Swift takes differently composed letters for equal, JSON does not.
        let exact = key.unicodeScalars.map { String($0.value, radix: 36) }.joined(separator: " ")
        guard open[open.count - 1]?.insert(exact).inserted == true else { throw .repeatedKey }
        skipBlanks()
        guard try next() == UInt8(ascii: ":") else { throw .notJSON }
    }

    // MARK: Texts

    /// What follows an opening quote, up to the closing one. Counts its characters.
    private mutating func text(wantsContent: Bool) throws(FieldProblem) -> String {
        var content = String.UnicodeScalarView()
        var length = 0
        while true {
            let start = place
            let byte = try next()
            if byte == UInt8(ascii: "\"") { break }
            let scalar: Unicode.Scalar
            if byte == UInt8(ascii: "\\") {
                scalar = try escape()
            } else if byte < 0x80 {
                guard byte >= 0x20 else { throw byte == 0 ? .hasNUL : .notJSON }
                scalar = Unicode.Scalar(byte)
            } else {
                place = start
                scalar = try UTF8Text.scalar(bytes, &place)
            }
            if scalar.value == 0 { throw .hasNUL }
            length += 1
            if wantsContent { content.append(scalar) }
        }
        guard length <= FieldLimits.longestText else { throw .tooLong }
        return String(content)
    }

    private mutating func escape() throws(FieldProblem) -> Unicode.Scalar {
        switch try next() {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try hexadecimal()
            if let scalar = Unicode.Scalar(first) { return scalar }
            guard first < 0xDC00, try next() == UInt8(ascii: "\\"), try next() == UInt8(ascii: "u") else {
                throw .loneSurrogate
            }
            let second = try hexadecimal()
            guard (0xDC00...0xDFFF).contains(second) else { throw .loneSurrogate }
            return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
        default: throw .notJSON
        }
    }

    private mutating func hexadecimal() throws(FieldProblem) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = try next()
            switch byte {
            case 48...57: value = value << 4 | UInt32(byte - 48)
            case 65...70, 97...102: value = value << 4 | (UInt32(byte | 0x20) - 87)
            default: throw .notJSON
            }
        }
        return value
    }

    // MARK: Numbers and words

    private mutating func number() throws(FieldProblem) {
        let start = place
        try numberText()
        // Of so few digits without an exponent any number is finite.
        let text = bytes[start..<place]
        guard text.count > 300 || text.contains(where: { $0 | 0x20 == UInt8(ascii: "e") }) else { return }
        guard Double(String(decoding: text, as: UTF8.self))?.isFinite == true else { throw .notANumber }
    }

    private mutating func numberText() throws(FieldProblem) {
        if peek() == UInt8(ascii: "-") { place += 1 }
        if peek() == UInt8(ascii: "0") { place += 1 } else { try digits() }
        if peek() == UInt8(ascii: ".") {
            place += 1
            try digits()
        }
        if let byte = peek(), byte | 0x20 == UInt8(ascii: "e") {
            place += 1
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { place += 1 }
            try digits()
        }
    }

    private mutating func digits() throws(FieldProblem) {
        let start = place
        while let byte = peek(), (48...57).contains(byte) { place += 1 }
        guard place > start else { throw .notJSON }
    }

    private mutating func word(_ rest: StaticString) throws(FieldProblem) {
        for index in 0..<rest.utf8CodeUnitCount {
            guard try next() == rest.utf8Start[index] else { throw .notJSON }
        }
    }

    // MARK: Bytes

    private func peek() -> UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func next() throws(FieldProblem) -> UInt8 {
        guard place < bytes.count else { throw .notJSON }
        place += 1
        return bytes[place - 1]
    }

    private mutating func skipBlanks() {
        while let byte = peek(), [0x20, 0x09, 0x0A, 0x0D].contains(byte) { place += 1 }
    }
}

/// UTF-8 that is looked at byte by byte.
enum UTF8Text {
    /// The character at a place, which moves behind it (RFC 3629, section 4).
    static func scalar(_ bytes: UnsafeRawBufferPointer, _ place: inout Int) throws(FieldProblem) -> Unicode.Scalar {
        let first = bytes[place]
        let length: Int
        let least: UInt32
        switch first {
        case 0..<0x80: (length, least) = (1, 0)
        case 0xC2..<0xE0: (length, least) = (2, 0x80)
        case 0xE0..<0xF0: (length, least) = (3, 0x800)
        case 0xF0..<0xF5: (length, least) = (4, 0x10000)
        default: throw .notUTF8
        }
        guard place + length <= bytes.count else { throw .notUTF8 }
        var value = length == 1 ? UInt32(first) : UInt32(first) & (0x7F >> UInt32(length))
        for byte in bytes[(place + 1)..<(place + length)] {
            guard byte & 0xC0 == 0x80 else { throw .notUTF8 }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        guard value >= least, let scalar = Unicode.Scalar(value) else { throw .notUTF8 }
        place += length
        return scalar
    }

    /// Whether a text may be sent.
    static func check(_ bytes: UnsafeRawBufferPointer) throws(FieldProblem) {
        var place = 0
        var length = 0
        while place < bytes.count {
            if try scalar(bytes, &place).value == 0 { throw .hasNUL }
            length += 1
        }
        guard length <= FieldLimits.longestText else { throw .tooLong }
    }
}
