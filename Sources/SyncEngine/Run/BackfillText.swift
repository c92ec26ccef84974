import RollcallCore

extension Backfill {
    /// What is taken, for error messages.
    package static let expected = "all, or a span such as 30d, 12h, 90m or 45s"

    /// The same as a regular expression of ECMA 262, as JSON Schema has them; a span of 0, or of more than 100 years,
    /// is refused as well.
    package static let pattern = "^(all|[0-9]{1,10}[smhdw])$"

    /// `all`, or a span of time up to now; nil: the text is neither.
    package init?(text: String) {
        if text == "all" {
            self = .all
            return
        }
        guard let seconds = TimeSpan.seconds(text), (1...TimeSpan.longest).contains(seconds) else { return nil }
        self = .seconds(seconds)
    }
}
