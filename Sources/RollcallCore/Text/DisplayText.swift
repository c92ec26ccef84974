/// Text made for people to look at.
package enum DisplayText {
    /// Text from a warehouse, from Iterable or from a file: characters that a terminal or a browser would obey instead of showing
    /// become visible as `\u{2028}`.
    ///
    /// - Parameter limit: characters after which the rest is replaced with `…`; nil: none.
    package static func safe(_ text: String, limit: Int? = nil) -> String {
        if limit == nil, !text.unicodeScalars.contains(where: isUnsafe) { return text }
        var shown = ""
        for (index, scalar) in text.unicodeScalars.enumerated() {
            if index == limit { return shown + "…" }
            if isUnsafe(scalar) {
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// The same for a message that may have several lines, such as the errors of a configuration, on one.
    package static func line(_ text: String, limit: Int) -> String {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " } }.filter { !$0.isEmpty }
        return safe(lines.joined(separator: " · "), limit: limit)
    }

    /// Whether a character changes how the text around it is shown: control characters, direction marks, invisible ones, line
    /// separators, and those that Unicode has not assigned yet. Source: the general categories of Unicode; "Trojan Source"
    /// (CVE-2021-42574) for what they are misused for.
    package static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        // Nearly all text, without a look into Unicode's tables.
        if (0x20..<0x7f).contains(scalar.value) { return false }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: true
        default: false
        }
    }

    /// `1,234,567`
    package static func grouped(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var grouped = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index).isMultiple(of: 3) { grouped.append(",") }
            grouped.append(digit)
        }
        return (number < 0 ? "-" : "") + grouped
    }

    /// `1 run`, `2,000 runs`.
    package static func count(_ number: Int, _ one: String, _ more: String? = nil) -> String {
        "\(grouped(number)) \(number == 1 ? one : more ?? one + "s")"
    }

    /// `0.4 s`, `2 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`; never negative.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds > 0 else { return "0 s" }
        let tenths = Int((min(seconds, 10) * 10).rounded())
        if tenths < 100 { return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s" }
        let whole = Int(max(10, min(seconds, 1e9)))
        func pair(_ big: Int, _ bigUnit: String, _ small: Int, _ smallUnit: String) -> String {
            small == 0 ? "\(big) \(bigUnit)" : "\(big) \(bigUnit) \(small) \(smallUnit)"
        }
        switch whole {
        case ..<60: return "\(whole) s"
        case ..<3600: return pair(whole / 60, "min", whole % 60, "s")
        case ..<86400: return pair(whole / 3600, "h", whole % 3600 / 60, "min")
        default: return pair(whole / 86400, "d", whole % 86400 / 3600, "h")
        }
    }
}

extension Sequence<UInt8> {
    /// Two lower-case digits for each byte.
    package var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
