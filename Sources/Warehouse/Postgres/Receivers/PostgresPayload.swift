import RollcallCore

/// Bodies as values of jsonb.
extension PostgresSession {
    /// A body as `jsonb` takes it here: itself, but for characters that the database's encoding lacks, which are written as
    /// `\u{2026}`. One that `jsonb` refuses becomes a single JSON string, whose text is the body.
    ///
    /// - Parameter isProven: whether the server is asked before; else only what is known to be refused is looked for.
    func payload(_ body: [UInt8], isProven: Bool) throws -> [UInt8] {
        if PostgresPayload.hasPlainNumbers(body) {
            let written = try storable(json: body)
            if try !isProven || isJSON(written) { return written }
        }
        var string: [UInt8] = []
        JSONBytes.append(quoted: LoggedText.withoutNUL(String(decoding: body, as: UTF8.self)), to: &string)
        return try storable(json: string)
    }

    private func storable(json: [UInt8]) throws -> [UInt8] {
        if serverEncoding == "UTF8" { return json }
        let text = PostgresPayload.withoutEscapes(json)
        try learn(text.unicodeScalars)
        var written: [UInt8] = []
        written.reserveCapacity(json.count)
        for scalar in text.unicodeScalars {
            let one = String(scalar)
            let stored = characters.written(one) ?? one
            if stored != one { written.append(UInt8(ascii: "\\")) }
            written.append(contentsOf: stored.utf8)
        }
        return written
    }

    /// Asks the server. An error would end the transaction.
    private func isJSON(_ text: [UInt8]) throws -> Bool {
        try execute("SAVEPOINT rollcall_payload")
        let isTaken: Bool
        do {
            let column = try array(.text, of: [text]) { $0.raw($1) }
            _ = try query("SELECT ($1::text[])[1]::jsonb IS NULL", columns: [column])
            isTaken = true
        } catch let failure as PostgresFailure where failure.kind == .query {
            isTaken = false
        }
        try execute((isTaken ? "" : "ROLLBACK TO SAVEPOINT rollcall_payload; ") + "RELEASE SAVEPOINT rollcall_payload")
        return isTaken
    }
}

/// What `jsonb` does not take unchanged in a JSON text.
enum PostgresPayload {
    /// Digits that a number may have when it is written without an exponent. `numeric` has room for 131,072 before the point
    /// and 16,383 behind it, and each number is shown in full: `1e131071` would take 131,072 bytes wherever it is read.
    private static let mostDigits = 10_000

    /// Whether the numbers of a JSON text, written without exponents, have no more digits than that, and together add no more.
    static func hasPlainNumbers(_ json: [UInt8]) -> Bool {
        json.withUnsafeBufferPointer { bytes in
            var (index, added) = (0, 0)
            while index < bytes.count {
                switch bytes[index] {
                case UInt8(ascii: "\""): index = endOfString(bytes, index)
                case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    let start = index
                    let exponent = skipNumber(bytes, &index)
                    added += exponent
                    if index - start + exponent > mostDigits || added > mostDigits { return false }
                default: index += 1
                }
            }
            return true
        }
    }

    /// The index behind the string that begins at `start`.
    private static func endOfString(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
        var index = start + 1
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""): return index + 1
            case UInt8(ascii: "\\"): index += 2
            default: index += 1
            }
        }
        return index
    }

    /// Moves behind a number and gives its exponent without the sign, 0 where it has none, and a large one for larger ones.
    private static func skipNumber(_ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> Int {
        var exponent: Int?
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                exponent = exponent.map { min($0 * 10 + Int(byte - UInt8(ascii: "0")), mostDigits * 10) }
            case UInt8(ascii: "e"), UInt8(ascii: "E"): exponent = 0
            case UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "-"): break
            default: return exponent ?? 0
            }
            index += 1
        }
        return exponent ?? 0
    }

    /// The text with the characters themselves in place of escapes of other than ASCII: the server translates these only into
    /// UTF8. Halves of a pair that stand alone stay as they are, for the server to refuse.
    static func withoutEscapes(_ json: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(json.count)
        var rest = json[...]
        while let first = rest.first {
            if let (scalar, length) = escape(rest), !scalar.isASCII {
                text.append(contentsOf: String(scalar).utf8)
                rest = rest.dropFirst(length)
            } else {
                let length = first == UInt8(ascii: "\\") ? 2 : 1
                text.append(contentsOf: rest.prefix(length))
                rest = rest.dropFirst(length)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The character whose escape, or pair of escapes, the bytes begin with, and how many bytes that takes.
    private static func escape(_ bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, Int)? {
        guard let unit = unit(bytes) else { return nil }
        if let scalar = Unicode.Scalar(unit) { return (scalar, 6) }
        guard UTF16.isLeadSurrogate(unit), let next = self.unit(bytes.dropFirst(6)), UTF16.isTrailSurrogate(next)
        else { return nil }
        return (UTF16.decode(UTF16.EncodedScalar([unit, next])), 12)
    }

    private static func unit(_ bytes: ArraySlice<UInt8>) -> UInt16? {
        guard bytes.starts(with: "\\u".utf8) else { return nil }
        let digits = bytes.dropFirst(2).prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
        return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
