internal import RollcallCore

extension TimeSpan {
    /// ECMA 262, for the JSON Schema.
    static let pattern = "^[0-9]+[smhdw]$"

    /// The span that another way of writing it means: `7 days`, `15min`, `12H`.
    static func meant(by text: String) -> String? {
        let word = text.lowercased().filter { !$0.isWhitespace }
        let form = /([0-9]{1,9})(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)/
        guard let match = word.wholeMatch(of: form), let unit = match.output.2.first else { return nil }
        let span = "\(match.output.1)\(unit)"
        return span == text ? nil : span
    }
}

extension SectionReader {
    /// The seconds of a span; nil when the key is missing or its value wrong, which is reported.
    func span(_ key: ConfigurationKey) -> Int? {
        guard let (text, _) = freeText(key) else { return nil }
        return span(text, key)
    }

    /// The same of a text that stands behind the key.
    /// - Parameters:
    ///   - wrong: what is said of a text that is no span.
    ///   - suggestion: what was meant by such a text; nil: the span that it resembles.
    ///   - expected: what would be right; nil: the key's kind.
    func span(
        _ text: Located<String>, _ key: ConfigurationKey, wrong: String = "is no span of time",
        suggestion: String? = nil, expected: String? = nil
    ) -> Int? {
        guard let seconds = TimeSpan.seconds(text.value) else {
            let meant = suggestion ?? TimeSpan.meant(by: text.value)
            reportWrong(
                key, text, wrong, suggestion: text.value == text.original ? meant : nil, expected: expected)
            return nil
        }
        let (least, most) = key.kind.spanBounds ?? (0, nil)
        guard (least...(most ?? TimeSpan.longest)).contains(seconds) else {
            let longest = most.map { "\($0)s" } ?? "\(TimeSpan.longest / 86_400)d"
            reportWrong(key, text, "is out of range", expected: "a span from \(least)s to \(longest)")
            return nil
        }
        return seconds
    }
}

extension ValueKind {
    /// The least and the most seconds of a span, where one may stand there; the second is nil where only ``TimeSpan/longest`` holds.
    fileprivate var spanBounds: (least: Int, most: Int?)? {
        switch self {
        case .span(let minimum, let maximum): (minimum, maximum)
        case .anyOf(let kinds): kinds.lazy.compactMap(\.spanBounds).first
        default: nil
        }
    }
}
