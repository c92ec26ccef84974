import Foundation

/// Looks whether a text is JSON that parsers read alike (RFC 8259): no key twice, no lone surrogates, no U+0000, no number beyond
/// those of double precision, texts and nesting within ``FieldLimits``. Integers may have any number of digits. One pass, no
/// recursion.
struct JSONCheck {
    private var scanner: JSONScanner<FieldProblem>
    private var bytes: UnsafeRawBufferPointer { scanner.bytes }
    private var place: Int {
        get { scanner.place }
        set { scanner.place = newValue }
    }
    /// The keys so far of each object around the present place; nil for arrays. As UTF-8: Swift takes differently composed letters
    /// for equal, JSON does not.
    private var open: [Set<[UInt8]>?] = []
    /// What the last key was, as UTF-8.
    private var lastKey: [UInt8] = []

    static func check(_ bytes: UnsafeRawBufferPointer) throws(FieldProblem) {
        var check = JSONCheck(bytes)
        try check.document()
    }

    private init(_ bytes: UnsafeRawBufferPointer) { scanner = JSONScanner(bytes) }

    private mutating func document() throws(FieldProblem) {
        repeat {
            try valueOrOpening()
            try closings()
        } while !open.isEmpty
        scanner.skipBlanks()
        guard scanner.isAtEnd else { throw .notJSON }
    }

    /// A whole value, or everything up to the first value within it.
    private mutating func valueOrOpening() throws(FieldProblem) {
        while true {
            scanner.skipBlanks()
            switch try scanner.next() {
            case UInt8(ascii: "{"):
                try push([])
                scanner.skipBlanks()
                if scanner.peek() == UInt8(ascii: "}") { return }
                try key()
            case UInt8(ascii: "["):
                try push(nil)
                scanner.skipBlanks()
                if scanner.peek() == UInt8(ascii: "]") { return }
            case UInt8(ascii: "\""):
                try text(isKey: false)
                return
            case UInt8(ascii: "t"): return try scanner.word("rue")
            case UInt8(ascii: "f"): return try scanner.word("alse")
            case UInt8(ascii: "n"): return try scanner.word("ull")
            default:
                place -= 1
                return try number()
            }
        }
    }

    /// Closes what ends here, and goes to the next value of what does not.
    private mutating func closings() throws(FieldProblem) {
        while let innermost = open.last {
            scanner.skipBlanks()
            let byte = try scanner.next()
            if byte == (innermost == nil ? UInt8(ascii: "]") : UInt8(ascii: "}")) {
                open.removeLast()
                continue
            }
            guard byte == UInt8(ascii: ",") else { throw .notJSON }
            if innermost != nil {
                scanner.skipBlanks()
                try key()
            }
            return
        }
    }

    private mutating func push(_ keys: Set<[UInt8]>?) throws(FieldProblem) {
        open.append(keys)
        guard open.count <= FieldLimits.deepestJSON else { throw .tooDeep }
    }

    private mutating func key() throws(FieldProblem) {
        guard try scanner.next() == UInt8(ascii: "\"") else { throw .notJSON }
        lastKey.removeAll(keepingCapacity: true)
        try text(isKey: true)
        guard open[open.count - 1]?.insert(lastKey).inserted == true else { throw .repeatedKey }
        scanner.skipBlanks()
        guard try scanner.next() == UInt8(ascii: ":") else { throw .notJSON }
    }

    // MARK: Texts

    /// What follows an opening quote, up to the closing one. Counts its characters.
    private mutating func text(isKey: Bool) throws(FieldProblem) {
        var length = 0
        while true {
            let start = place
            let byte = try scanner.next()
            if byte == UInt8(ascii: "\"") { break }
            let scalar: Unicode.Scalar
            if byte == UInt8(ascii: "\\") {
                scalar = try scanner.escape()
            } else if byte < 0x80 {
                guard byte >= 0x20 else { throw byte == 0 ? .hasNUL : .notJSON }
                scalar = Unicode.Scalar(byte)
            } else {
                place = start
                scalar = try UTF8Text.scalar(bytes, &place)
            }
            if scalar.value == 0 { throw .hasNUL }
            length += 1
            if isKey { lastKey.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter) }
        }
        guard length <= FieldLimits.longestText else { throw .tooLong }
    }

    // MARK: Numbers

    private mutating func number() throws(FieldProblem) {
        let start = place
        try scanner.number()
        // Of so few digits without an exponent any number is finite.
        let text = bytes[start..<place]
        guard text.count > 300 || text.contains(where: { $0 | 0x20 == UInt8(ascii: "e") }) else { return }
        guard Double(String(decoding: text, as: UTF8.self))?.isFinite == true else { throw .notANumber }
    }
}

extension FieldProblem: JSONProblem {}

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
            let byte = bytes[place]
            if byte > 0 && byte < 0x80 {
                place += 1
            } else if try scalar(bytes, &place).value == 0 {
                throw .hasNUL
            }
            length += 1
        }
        guard length <= FieldLimits.longestText else { throw .tooLong }
    }
}
