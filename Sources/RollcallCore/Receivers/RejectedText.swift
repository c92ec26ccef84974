/// The text that is kept of a body that is no event.
package enum RejectedText {
    /// What is not UTF-8 or is U+0000 becomes U+FFFD; at most ``RejectedBody/longest`` bytes are kept.
    /// - Parameter hiding: how identifiers appear; nil: as they are. They are looked for by what stands around them, for the
    ///   body cannot be read: whatever looks like an email, and the values of what is called email or userId. Nothing is kept of a
    ///   body that names more people than can be looked for in a moment.
    package static func of(_ body: [UInt8], hiding: IdentifierHiding?) -> String {
        guard let hiding else { return kept(body[...]) }
        guard let identifiers = namedIdentifiers(body) else { return "" }
        // One that begins in what is kept may end behind it.
        var text = Array(body.prefix(RejectedBody.longest + longestEncoded))
        var end = min(text.count, RejectedBody.longest)
        let search = IdentifierSearch(identifiers, hiding)
        let looks: [(ArraySlice<UInt8>) -> Replacements] = [
            { search.replacements(in: $0) }, { addresses(in: $0, hiding) },
        ]
        for look in looks {
            let found = look(text[...])
            end = found.place(of: end)
            text = found.applied(to: text[...])
        }
        return kept(text.prefix(end))
    }

    private static func kept(_ body: ArraySlice<UInt8>) -> String {
        cut(String(decoding: ReceivedBody.withoutNUL(body.prefix(RejectedBody.longest)), as: UTF8.self))
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > RejectedBody.longest else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: RejectedBody.longest)
        while String.Index(end, within: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }

    // MARK: What has a name

    private static let names = ["email", "userid", "user_id"].map { Array($0.utf8) }

    /// Bytes of an identifier that is looked for; written as `\u0040`, each is six.
    private static let longestIdentifier = 512
    private static let longestEncoded = longestIdentifier * 6
    /// Members of these names that are looked at, different identifiers that are looked for, and the bytes of all of these. Each byte
    /// that is kept may be compared with all of them.
    private static let mostNames = 2000
    private static let mostIdentifiers = 200
    private static let mostBytes = 8192

    /// The values of what is called email or userId, anywhere in the body; nil: they are too many, or too long.
    private static func namedIdentifiers(_ body: [UInt8]) -> Set<String>? {
        body.withUnsafeBytes { bytes in
            var found: Set<String> = []
            var (examined, size) = (0, 0)
            for start in bytes.indices {
                guard let name = names.first(where: { stands($0, at: start, in: bytes) }),
                    let value = value(after: start + name.count, in: bytes)
                else { continue }
                examined += 1
                if found.insert(value).inserted { size += value.utf8.count }
                if value.utf8.count > longestIdentifier || size > mostBytes || found.count > mostIdentifiers
                    || examined > mostNames
                {
                    return nil
                }
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
        guard let (sign, length) = IdentifierSearch.character(bytes, place),
            sign == UInt8(ascii: ":") || sign == UInt8(ascii: "=")
        else { return nil }
        place += length
        skipQuotes()
        let ends = Array("\"'\r\n,;&<>{}[]".utf8)
        var value: [UInt8] = []
        while value.count <= longestIdentifier, let (byte, length) = IdentifierSearch.character(bytes, place) {
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

    private static func addresses(in text: ArraySlice<UInt8>, _ hiding: IdentifierHiding) -> Replacements {
        text.withUnsafeBytes { bytes in
            var found = Replacements()
            /// Where the word around the present place begins, and what it says.
            var start = 0
            var word: [UInt8] = []
            var place = 0
            func endWord() {
                if let at = word.firstIndex(of: UInt8(ascii: "@")), at > 0, at < word.count - 1, !isHidden(word) {
                    found.add(start..<place, hiding.inAnyCase(String(decoding: word, as: UTF8.self)).utf8)
                }
                word = []
            }
            while let (byte, length) = IdentifierSearch.character(bytes, place) {
                if isAddressByte(byte) {
                    if word.isEmpty { start = place }
                    word.append(byte)
                } else {
                    endWord()
                }
                place += length
            }
            endWord()
            return found
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
