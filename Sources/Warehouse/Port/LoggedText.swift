import Foundation
import RollcallCore

/// Values of a source as text that every state table holds.
package enum LoggedText {
    /// A value of the warehouse as the log shows it; nil: NULL.
    static func text(_ bytes: [UInt8]?) -> String? { bytes.map { text(of: $0) } }

    /// Bytes of the warehouse as text: those that are no UTF-8, and NUL, are written as `\xHH`, so that keys of records that differ
    /// in such bytes differ as text too.
    package static func text(of bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return withoutNUL(text) }
        var text = ""
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var offset = 0
        while true {
            switch parser.parseScalar(from: &iterator) {
            case .valid(let encoded):
                text.unicodeScalars.append(Unicode.UTF8.decode(encoded))
                offset += encoded.count
            case .error(let length):
                for byte in bytes[offset..<offset + length] { text += "\\x" + [byte].hexadecimal.uppercased() }
                offset += length
            case .emptyInput:
                return withoutNUL(text)
            }
        }
    }

    /// PostgreSQL has no NUL in text, libpq's parameters end at one, and so does what SQLite's shell shows: it is written as `\x00`.
    static func withoutNUL(_ text: String) -> String {
        var text = text
        // Each text that is logged comes here; the C library's search is many times as fast as a loop.
        let hasNUL = text.withUTF8 { bytes in bytes.baseAddress.map { memchr($0, 0, bytes.count) != nil } ?? false }
        guard hasNUL else { return text }
        var written = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "\0" { written.append(contentsOf: "\\x00".unicodeScalars) } else { written.append(scalar) }
        }
        return String(written)
    }
}
