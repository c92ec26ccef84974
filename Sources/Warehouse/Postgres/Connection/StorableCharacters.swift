/// What the database's encoding can hold, and how the rest is written: as `\u{2026}`.
///
/// UTF8 holds every character, and SQL_ASCII takes all bytes as they are. Any other encoding lacks characters, and the server
/// refuses a whole statement that has one of them (SQLSTATE 22P05), and so a whole run. Three ways out were weighed. Tables of
/// some forty encodings in here would be large, and wrong where a server's conversion differs. To repeat a refused statement in
/// ASCII would lose characters that the encoding has, and would write one key in two ways, depending on what stands beside it.
/// So the server is asked about each character, once for each connection: what becomes of a text depends on nothing but the text
/// and the database, and whoever looks for it later finds it.
///
/// Confined to its session's queue.
final class StorableCharacters {
    /// Whether there is nothing to ask.
    let holdsEverything: Bool
    private var known: [Unicode.Scalar: Bool] = [:]

    /// - Parameter name: as `server_encoding` has it; nil where the server does not say.
    init(_ name: String?) { holdsEverything = name == "UTF8" || name == "SQL_ASCII" }

    /// The text as it is written; nil while one of its characters has not been asked about.
    func written(_ text: String) -> String? {
        if holdsEverything || text.utf8.allSatisfy({ $0 < 128 }) { return text }
        var written = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard scalar.isASCII || known[scalar] != nil else { return nil }
            if scalar.isASCII || known[scalar] == true {
                written.append(scalar)
            } else {
                written.append(contentsOf: Self.escaped(scalar).unicodeScalars)
            }
        }
        return String(written)
    }

    /// Asks about the characters that are not known yet.
    ///
    /// - Parameter isHeld: whether the encoding has all characters of a text. One call where it has them all; about two for each
    ///   character that it lacks.
    func learn(_ scalars: some Sequence<Unicode.Scalar>, _ isHeld: (String) throws -> Bool) rethrows {
        let unknown = Set(scalars.filter { !$0.isASCII && known[$0] == nil })
        try bisect(unknown.sorted()[...], isHeld)
    }

    private func bisect(_ scalars: ArraySlice<Unicode.Scalar>, _ isHeld: (String) throws -> Bool) rethrows {
        guard let first = scalars.first else { return }
        if try isHeld(String(String.UnicodeScalarView(scalars))) {
            for scalar in scalars { known[scalar] = true }
        } else if scalars.count == 1 {
            known[first] = false
        } else {
            let middle = scalars.startIndex + scalars.count / 2
            try bisect(scalars[..<middle], isHeld)
            try bisect(scalars[middle...], isHeld)
        }
    }

    // MARK: Escapes

    static func escaped(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "\\u{" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "}"
    }

    /// The text that was written so: escapes of characters that the encoding lacks become these characters; others stay, for
    /// they were in the text. Their characters must have been asked about (``escapes(in:)``).
    func original(_ written: String) -> String {
        guard !holdsEverything else { return written }
        var original = ""
        var rest = written.unicodeScalars[...]
        while let first = rest.first {
            if let (scalar, end) = Self.escape(at: rest), known[scalar] == false {
                original.unicodeScalars.append(scalar)
                rest = rest[end...]
            } else {
                original.unicodeScalars.append(first)
                rest.removeFirst()
            }
        }
        return original
    }

    /// The characters that escapes of a text stand for.
    static func escapes(in text: String) -> [Unicode.Scalar] {
        let scalars = text.unicodeScalars
        return scalars.indices.compactMap { escape(at: scalars[$0...])?.scalar }
    }

    private static func escape(
        at scalars: Substring.UnicodeScalarView
    ) -> (scalar: Unicode.Scalar, end: String.UnicodeScalarView.Index)? {
        let opening = Array("\\u{".unicodeScalars)
        guard scalars.starts(with: opening), let close = scalars.firstIndex(of: "}") else { return nil }
        let digits = String(Substring(scalars[scalars.index(scalars.startIndex, offsetBy: 3)..<close]))
        guard (4...6).contains(digits.utf8.count), let value = UInt32(digits, radix: 16),
            let scalar = Unicode.Scalar(value)
        else { return nil }
        return (scalar, scalars.index(after: close))
    }
}
