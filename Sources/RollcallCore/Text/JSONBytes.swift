/// JSON strings as bytes, for bodies of requests: straight from a warehouse's bytes or a text's own, without another String.
package enum JSONBytes {
    /// Appends a text in quotes, with what JSON wants escaped (RFC 8259, section 7).
    /// - Parameter text: UTF-8.
    package static func append(quoted text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        if text.contains(where: { escapedSize($0) > 1 }) {
            for byte in text { append(escaped: byte, to: &bytes) }
        } else {
            bytes.append(contentsOf: text)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    package static func append(quoted text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { append(quoted: UnsafeRawBufferPointer($0), to: &bytes) }
    }

    /// How many bytes a text takes in quotes.
    package static func quotedSize(_ text: String) -> Int { text.utf8.reduce(2) { $0 + escapedSize($1) } }

    private static func append(escaped byte: UInt8, to bytes: inout [UInt8]) {
        switch escapedSize(byte) {
        case 2:
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case 6:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(hexadecimal(byte >> 4))
            bytes.append(hexadecimal(byte & 15))
        default:
            bytes.append(byte)
        }
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }

    /// Bytes of one byte inside a JSON string: quotes and backslashes two, controls six, others one.
    private static func escapedSize(_ byte: UInt8) -> Int {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): 2
        case 0..<0x20: 6
        default: 1
        }
    }
}
