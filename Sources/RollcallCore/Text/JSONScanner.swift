/// What may be wrong with the characters of a JSON text, whatever else its reader finds.
protocol JSONProblem: Error {
    static var notJSON: Self { get }
    static var loneSurrogate: Self { get }
}

/// Passes over the smallest parts of a JSON text (RFC 8259): blanks, words, numbers, escapes. What they make up is its reader's.
struct JSONScanner<Problem: JSONProblem> {
    let bytes: UnsafeRawBufferPointer
    /// Of the next byte, from 0.
    var place = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { place == bytes.count }

    @inline(__always)
    func peek() -> UInt8? { place < bytes.count ? bytes[place] : nil }

    @inline(__always)
    mutating func next() throws(Problem) -> UInt8 {
        guard place < bytes.count else { throw .notJSON }
        place += 1
        return bytes[place - 1]
    }

    @inline(__always)
    mutating func skipBlanks() {
        while place < bytes.count {
            let byte = bytes[place]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            place += 1
        }
    }

    /// The rest of `true`, `false` or `null`.
    mutating func word(_ rest: StaticString) throws(Problem) {
        for index in 0..<rest.utf8CodeUnitCount {
            guard try next() == rest.utf8Start[index] else { throw .notJSON }
        }
    }

    mutating func number() throws(Problem) {
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

    private mutating func digits() throws(Problem) {
        let start = place
        while let byte = peek(), (48...57).contains(byte) { place += 1 }
        guard place > start else { throw .notJSON }
    }

    /// What follows a backslash.
    mutating func escape() throws(Problem) -> Unicode.Scalar {
        switch try next() {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try escapedCodePoint()
        default: throw .notJSON
        }
    }

    private mutating func escapedCodePoint() throws(Problem) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, peek() == UInt8(ascii: "\\"), place + 1 < bytes.count,
            bytes[place + 1] == UInt8(ascii: "u")
        else { throw .loneSurrogate }
        place += 2
        let second = try hexadecimal()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw .loneSurrogate }
        return scalar
    }

    private mutating func hexadecimal() throws(Problem) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = HexadecimalDigit.value(try next()) else { throw .notJSON }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}

/// The characters of hexadecimal numbers.
enum HexadecimalDigit {
    /// 0 to 15; nil for other characters.
    @inline(__always)
    static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70, 97...102: (byte | 0x20) - 87
        default: nil
        }
    }
}
