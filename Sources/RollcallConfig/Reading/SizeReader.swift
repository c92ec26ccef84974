/// A number of bytes as the configuration has it: a whole number and a unit, such as `1MB` (1,000,000) or `64KiB` (65,536).
enum ByteSize {
    /// ECMA 262, for the JSON Schema.
    static let pattern = "^[0-9]+(B|KB|MB|GB|KiB|MiB|GiB)$"

    private static let units: [(name: String, bytes: Int64)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000),
        ("B", 1),
    ]

    /// The bytes, or the greatest integer where they are more; nil: the text is no size.
    static func bytes(_ text: String) -> Int64? {
        guard let unit = units.first(where: { text.hasSuffix($0.name) }) else { return nil }
        let digits = text.utf8.dropLast(unit.name.utf8.count)
        guard !digits.isEmpty, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        guard let count = Int64(text.dropLast(unit.name.count)) else { return .max }
        let (bytes, isBeyond) = count.multipliedReportingOverflow(by: unit.bytes)
        return isBeyond ? .max : bytes
    }

    /// The size that another way of writing it means: `1 mb`, `1M`, `1000`, `64kb`.
    static func meant(by text: String) -> String? {
        let word = text.lowercased().filter { !$0.isWhitespace && $0 != "_" && $0 != "," }
        guard let match = word.wholeMatch(of: /([0-9]{1,15})(b|bytes?|[kmg]i?b?)?/) else { return nil }
        let letters = match.output.2.map(String.init) ?? "b"
        let unit = letters.hasPrefix("b") ? "b" : letters.hasSuffix("b") ? letters : letters + "b"
        guard let name = units.first(where: { $0.name.lowercased() == unit })?.name else { return nil }
        let size = "\(match.output.1)\(name)"
        return size == text ? nil : size
    }

    /// In the greatest decimal unit in which it is a whole number.
    static func text(_ bytes: Int64) -> String {
        for unit in units.reversed() where !unit.name.contains("i") && unit.bytes > 1 && bytes >= unit.bytes {
            if bytes % unit.bytes == 0 { return "\(bytes / unit.bytes)\(unit.name)" }
        }
        return "\(bytes)B"
    }
}

extension SectionReader {
    /// The bytes of a size; nil when the key is missing or its value wrong, which is reported.
    func size(_ key: ConfigurationKey) -> Int64? {
        guard case .size(let range) = key.kind, let (text, _) = freeText(key) else { return nil }
        guard let bytes = ByteSize.bytes(text.value) else {
            let meant = text.value == text.original ? ByteSize.meant(by: text.value) : nil
            reportWrong(key, text, "is no size", suggestion: meant)
            return nil
        }
        guard range.contains(bytes) else {
            reportWrong(
                key, text, "is out of range",
                expected: "a size from \(ByteSize.text(range.lowerBound)) to \(ByteSize.text(range.upperBound))")
            return nil
        }
        return bytes
    }
}
