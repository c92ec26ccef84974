/// A length of time as the configuration and the command line have it: a whole number and the letter of a unit, such as `15m` or `7d`.
package enum TimeSpan {
    /// 100 years, in seconds.
    package static let longest = 36_500 * 86_400

    /// Letters and seconds of the units, the longest first.
    private static let units: [(letter: Character, seconds: Int)] = [
        ("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1),
    ]

    /// The seconds of a span, or the greatest integer where they are more; nil: the text is no span.
    package static func seconds(_ text: String) -> Int? {
        guard let letter = text.last, let unit = units.first(where: { $0.letter == letter })?.seconds else {
            return nil
        }
        let digits = text.utf8.dropLast()
        guard !digits.isEmpty, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        guard let count = Int(text.dropLast()) else { return .max }
        let (seconds, isBeyond) = count.multipliedReportingOverflow(by: unit)
        return isBeyond ? .max : seconds
    }

    /// The span of these seconds in days or in the greatest unit below that in which it is a whole number: `7d`, `90m`.
    package static func text(_ seconds: Int) -> String {
        for unit in units.dropFirst() where seconds >= unit.seconds && seconds % unit.seconds == 0 {
            return "\(seconds / unit.seconds)\(unit.letter)"
        }
        return "\(seconds)s"
    }
}
