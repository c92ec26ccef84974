/// White space as JavaScript's `String.prototype.trim` sees it: WhiteSpace and LineTerminator of ECMA-262, sections
/// 12.2 and 12.3, which is U+0009 to U+000D, U+0020, U+00A0, U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F,
/// U+3000 and U+FEFF. The zero-width characters U+200B to U+200D and U+2060 are no white space.
enum WhiteSpace {
    /// The bytes without white space at either end. Bytes that are no UTF-8 are never white space.
    @inline(__always)
    static func trim(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard let first = bytes.first, let last = bytes.last else { return bytes }
        if isOrdinary(first), isOrdinary(last) { return bytes }
        return trimSlowly(bytes)
    }

    /// Whether the byte is a character by itself and no white space.
    @inline(__always)
    private static func isOrdinary(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x80 }

    @inline(never)
    private static func trimSlowly(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = bytes.count
        while start < end {
            let width = widthAtStart(bytes[start..<end])
            if width == 0 { break }
            start += width
        }
        while start < end {
            let width = widthAtEnd(bytes[start..<end])
            if width == 0 { break }
            end -= width
        }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    /// Number of bytes of the white space character that the bytes start with; 0 if they start with none.
    private static func widthAtStart(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
        let start = bytes.startIndex
        return width(of: bytes) { length in bytes[start..<start + length] }
    }

    /// Number of bytes of the white space character that the bytes end with; 0 if they end with none.
    private static func widthAtEnd(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
        let end = bytes.endIndex
        return width(of: bytes) { length in bytes[end - length..<end] }
    }

    private static func width(
        of bytes: Slice<UnsafeRawBufferPointer>, part: (Int) -> Slice<UnsafeRawBufferPointer>
    ) -> Int {
        for length in 1...3 where length <= bytes.count && isCharacter(part(length)) { return length }
        return 0
    }

    /// Whether the bytes are the UTF-8 of one white space character.
    private static func isCharacter(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        let start = bytes.startIndex
        switch bytes.count {
        case 1: return bytes[start] == 0x20 || (0x09...0x0d).contains(bytes[start])
        case 2: return bytes[start] == 0xc2 && bytes[start + 1] == 0xa0
        default: return isLongCharacter(bytes[start], bytes[start + 1], bytes[start + 2])
        }
    }

    private static func isLongCharacter(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> Bool {
        switch (first, second, third) {
        case (0xe1, 0x9a, 0x80): true  // U+1680
        case (0xe2, 0x80, 0x80...0x8a): true  // U+2000 to U+200A
        case (0xe2, 0x80, 0xa8), (0xe2, 0x80, 0xa9): true  // U+2028, U+2029
        case (0xe2, 0x80, 0xaf): true  // U+202F
        case (0xe2, 0x81, 0x9f): true  // U+205F
        case (0xe3, 0x80, 0x80): true  // U+3000
        case (0xef, 0xbb, 0xbf): true  // U+FEFF
        default: false
        }
    }
}
