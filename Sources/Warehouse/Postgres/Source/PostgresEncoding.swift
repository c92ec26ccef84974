import Foundation

/// A server encoding other than UTF-8. Values are fetched in their own bytes and decoded here, one by one: the server's
/// conversion would fail the whole statement for a single byte that has no meaning.
///
/// All server encodings of PostgreSQL have ASCII in single bytes, so that only values with other bytes need decoding
/// (PostgreSQL's documentation, section 24.3, "Character Set Support").
struct PostgresEncoding: Sendable {
    /// As `server_encoding` has it.
    let name: String

    /// nil where the server's bytes are UTF-8 already.
    init?(_ name: String?) {
        guard let name, name != "UTF8", name != "UNICODE" else { return nil }
        self.name = name
    }

    /// An SQL expression for the bytes of a text as they are stored.
    func bytes(of text: String) -> String {
        "pg_catalog.convert_to(\(text), '\(name.replacingOccurrences(of: "'", with: "''"))')"
    }

    /// A decoder for one column.
    func makeDecoder() -> PostgresDecoder {
        // SQL_ASCII says nothing of the bytes: they are UTF-8, or the row is invalid.
        PostgresDecoder(iconvName, takesUTF8: name == "SQL_ASCII")
    }

    /// The name that iconv has for it; nil where it has none (SQL_ASCII, MULE_INTERNAL).
    private var iconvName: String? {
        if name.hasPrefix("LATIN"), let number = Int(name.dropFirst(5)), let part = Self.latinParts[number] {
            return "ISO-8859-\(part)"
        }
        if name.hasPrefix("WIN") { return "CP" + name.dropFirst(3) }
        return Self.iconvNames[name]
    }

    /// LATIN5 is ISO 8859-9, and so on (the same table of the documentation).
    private static let latinParts = [1: 1, 2: 2, 3: 3, 4: 4, 5: 9, 6: 10, 7: 13, 8: 14, 9: 15, 10: 16]

    private static let iconvNames = [
        "ISO_8859_5": "ISO-8859-5", "ISO_8859_6": "ISO-8859-6", "ISO_8859_7": "ISO-8859-7",
        "ISO_8859_8": "ISO-8859-8", "KOI8R": "KOI8-R", "KOI8U": "KOI8-U", "EUC_JP": "EUC-JP",
        "EUC_JIS_2004": "EUC-JISX0213", "EUC_CN": "EUC-CN", "EUC_KR": "EUC-KR", "EUC_TW": "EUC-TW",
    ]
}

/// Decodes the values of one column. Not thread-safe: one for each thread of work.
final class PostgresDecoder {
    private let handle: iconv_t?
    private let takesUTF8: Bool
    /// The decoded value, until the next one.
    // SAFETY: owned by this object and freed in `deinit`, or when a larger one takes its place.
    private var buffer: UnsafeMutableRawBufferPointer = .allocate(byteCount: 512, alignment: 1)

    /// - Parameters:
    ///   - name: the encoding as iconv has it; nil: iconv does not know it.
    ///   - takesUTF8: whether bytes outside ASCII that cannot be decoded may be UTF-8 already.
    init(_ name: String?, takesUTF8: Bool) {
        let handle = name.flatMap { iconv_open("UTF-8", $0) }
        self.handle = Int(bitPattern: handle) == -1 ? nil : handle
        self.takesUTF8 = takesUTF8
    }

    deinit {
        if let handle { iconv_close(handle) }
        buffer.deallocate()
    }

    /// The value as UTF-8, valid until the next call. Bytes that have no meaning are passed on as they are, but never as an
    /// identifier: that row fails, and the reading continues.
    func cell(_ bytes: UnsafeRawBufferPointer, isIdentifier: Bool) -> AudienceCell {
        guard bytes.contains(where: { $0 >= 0x80 }) else {
            return AudienceCell(bytes: bytes, isIdentifier: isIdentifier)
        }
        if let decoded = decode(bytes) { return AudienceCell(bytes: decoded, isIdentifier: isIdentifier) }
        let looksValid = String(validating: bytes, as: UTF8.self) != nil
        return AudienceCell(bytes: bytes, isIdentifier: isIdentifier && (takesUTF8 || !looksValid))
    }

    private func decode(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard let handle else { return nil }
        // No encoding takes more than four bytes of UTF-8 for one of its own.
        if buffer.count < bytes.count * 4 {
            buffer.deallocate()
            buffer = .allocate(byteCount: bytes.count * 8, alignment: 1)
        }
        _ = iconv(handle, nil, nil, nil, nil)
        // SAFETY: iconv reads `inputLeft` bytes from `input` and writes at most `outputLeft` bytes to `output`; the casts
        // only drop `const`, which its signature lacks, and it does not write to its input.
        var input = UnsafeMutablePointer(mutating: bytes.bindMemory(to: CChar.self).baseAddress)
        var inputLeft = bytes.count
        var output = buffer.bindMemory(to: CChar.self).baseAddress
        var outputLeft = buffer.count
        let result = iconv(handle, &input, &inputLeft, &output, &outputLeft)
        guard result != -1, inputLeft == 0 else { return nil }
        return UnsafeRawBufferPointer(rebasing: buffer[..<(buffer.count - outputLeft)])
    }
}
