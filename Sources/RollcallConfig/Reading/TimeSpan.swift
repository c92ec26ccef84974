/// A length of time as the file has it: a whole number and the letter of a unit, such as `15m` or `7d`.
enum TimeSpan {
    /// 100 years, in seconds.
    static let longest = 36_500 * 86_400

    /// ECMA 262, for the JSON Schema.
    static let pattern = "^[0-9]+[smhdw]$"

    /// The seconds of a span, or the greatest integer where they are more; nil: the text is no span.
    static func seconds(_ text: String) -> Int? {
        guard let match = text.wholeMatch(of: /([0-9]+)([smhdw])/) else { return nil }
        let unit =
            switch match.output.2 {
            case "s": 1
            case "m": 60
            case "h": 3600
            case "d": 86_400
            default: 604_800
            }
        guard let count = Int(match.output.1) else { return .max }
        let (seconds, isBeyond) = count.multipliedReportingOverflow(by: unit)
        return isBeyond ? .max : seconds
    }

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
        let least = key.kind.leastSpan ?? 0
        guard (least...TimeSpan.longest).contains(seconds) else {
            let most = TimeSpan.longest / 86_400
            reportWrong(key, text, "is out of range", expected: "a span from \(least)s to \(most)d")
            return nil
        }
        return seconds
    }
}

extension ValueKind {
    /// The least seconds of a span, where one may stand there.
    fileprivate var leastSpan: Int? {
        switch self {
        case .span(let minimum): minimum
        case .anyOf(let kinds): kinds.lazy.compactMap(\.leastSpan).first
        default: nil
        }
    }
}
