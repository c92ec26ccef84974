extension Backfill {
    /// What is taken, for error messages.
    public static let expected = "all, or a span such as 30d, 12h, 90m or 45s"

    /// The same as a regular expression of ECMA 262, as JSON Schema has them; a span of 0, or of more than 100 years,
    /// is refused as well.
    public static let pattern = "^(all|[0-9]{1,10}[smhdw])$"

    /// 100 years in seconds, which is also the longest span of the configuration.
    private static let longest = 36_500 * 86_400

    /// `all`, or a span of time up to now; nil: the text is neither.
    public init?(text: String) {
        if text == "all" {
            self = .all
            return
        }
        let units: [Substring: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        guard let match = text.wholeMatch(of: /([0-9]{1,10})([smhdw])/), let number = Int(match.output.1),
            let unit = units[match.output.2], (1...Self.longest / unit).contains(number)
        else { return nil }
        self = .seconds(number * unit)
    }
}
