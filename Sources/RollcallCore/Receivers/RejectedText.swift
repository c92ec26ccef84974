/// The text that is kept of a body that is no event.
public enum RejectedText {
    /// What is not UTF-8 or is U+0000 becomes U+FFFD; at most ``RejectedBody/longest`` bytes are kept.
    /// - Parameter hiding: how identifiers appear; nil: as they are. They are looked for by what stands around them, for the
    ///   body cannot be read: whatever looks like an email, and the values of what is called email or userId.
    public static func of(_ body: [UInt8], hiding: IdentifierHiding?) -> String {
        var body = body
        if let hiding {
            let search = IdentifierSearch(namedIdentifiers(body), hiding)
            if let replaced = search.replacing(body[...]) { body = replaced }
            body = withoutAddresses(body, hiding)
        }
        return cut(String(decoding: ReceivedBody.withoutNUL(body.prefix(RejectedBody.longest)), as: UTF8.self))
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > RejectedBody.longest else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: RejectedBody.longest)
        while String.Index(end, within: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }

    // MARK: What has a name

    private static let names = ["email", "userid", "user_id"].map { Array($0.utf8) }

    private static func namedIdentifiers(_ body: [UInt8]) -> [String] {
        body.withUnsafeBytes { bytes in
            var found: [String] = []
            for start in bytes.indices {
                guard let name = names.first(where: { stands($0, at: start, in: bytes) }) else { continue }
                if let value = value(after: start + name.count, in: bytes) { found.append(value) }
            }
            return found
        }
    }

    private static func stands(_ name: [UInt8], at start: Int, in bytes: UnsafeRawBufferPointer) -> Bool {
        start + name.count <= bytes.count && name.indices.allSatisfy { bytes[start + $0] | 0x20 == name[$0] | 0x20 }
    }

    /// What stands behind a colon or an equals sign.
    private static func value(after start: Int, in bytes: UnsafeRawBufferPointer) -> String? {
        let quotesAndBlanks = Array("\"'\\ \t\r\n".utf8)
        var place = start
        func skipQuotes() {
            while place < bytes.count, quotesAndBlanks.contains(bytes[place]) { place += 1 }
        }
        skipQuotes()
        guard place < bytes.count, bytes[place] == UInt8(ascii: ":") || bytes[place] == UInt8(ascii: "=") else {
            return nil
        }
        place += 1
        skipQuotes()
        let ends = Array("\"'\r\n,;&<>{}[]".utf8)
        var value: [UInt8] = []
        while value.count < 4096, let (byte, length) = IdentifierSearch.character(bytes, place) {
            if length == 1, ends.contains(byte) { break }
            if length == 1, byte == UInt8(ascii: "\\"), place + 1 < bytes.count, bytes[place + 1] == UInt8(ascii: "\"")
            {
                break
            }
            value.append(byte)
            place += length
        }
        while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
        let text = String(decoding: value, as: UTF8.self)
        return ["", "null", "true", "false"].contains(text) ? nil : text
    }

    // MARK: What looks like an email

    private static func withoutAddresses(_ body: [UInt8], _ hiding: IdentifierHiding) -> [UInt8] {
        body.withUnsafeBytes { bytes in
            var kept: [UInt8] = []
            /// Where the word around the present place begins in what is kept, and what it says.
            var wordStart = 0
            var word: [UInt8] = []
            func endWord() {
                if let at = word.firstIndex(of: UInt8(ascii: "@")), at > 0, at < word.count - 1, !isHidden(word) {
                    kept.removeSubrange(wordStart...)
                    kept.append(contentsOf: hiding.of(String(decoding: word, as: UTF8.self)).utf8)
                }
                word = []
            }
            var place = 0
            while let (byte, length) = IdentifierSearch.character(bytes, place) {
                if isAddressByte(byte) {
                    if word.isEmpty { wordStart = kept.count }
                    word.append(byte)
                    kept.append(contentsOf: bytes[place..<place + length])
                } else {
                    endWord()
                    kept.append(contentsOf: bytes[place..<place + length])
                }
                place += length
            }
            endWord()
            return kept
        }
    }

    /// Whether it is a masked email already.
    private static func isHidden(_ word: [UInt8]) -> Bool {
        String(decoding: word, as: UTF8.self).contains("***@")
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte | 0x20) || byte >= 0x80
            || "@.!#$*+-'^_~".utf8.contains(byte)
    }
}
