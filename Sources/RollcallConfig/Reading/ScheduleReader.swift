internal import RollcallCore

/// Reads `schedule`.
enum ScheduleReader {
    static func read(_ reader: SectionReader) -> ScheduleSettings? {
        let every = reader.choice(
            ScheduleKeys.every, of: ScheduleSettings.Frequency.self, guesses: false, meant: meant)
        let at = reader.has(ScheduleKeys.at) ? timeOfDay(reader) : 0
        guard let every, let at else { return nil }
        return ScheduleSettings(every: every.value, at: at)
    }

    /// The frequency that another way of writing it means: `60m`, `1 h`, `1d`, `daily`.
    private static func meant(_ text: String) -> String? {
        let word = text.lowercased().filter { !$0.isWhitespace }
        let names = ["hourly": "1h", "daily": "24h", "day": "24h", "hour": "1h"]
        if let known = names[word] { return known }
        let form = /([0-9]{1,6})(s|sec|m|min|mins|minutes?|h|hours?|d|days?)/
        guard let match = word.wholeMatch(of: form), let count = Int(match.output.1) else { return nil }
        let unit =
            switch match.output.2.first {
            case "s": 1
            case "m": 60
            case "h": 3600
            default: 86400
            }
        // What is no frequency at all gets the list of all of them rather than a guess.
        return ScheduleSettings.Frequency.allCases.first { $0.seconds == count * unit }?.rawValue
    }

    /// Seconds after midnight. Without quotes, YAML 1.1 readers take 06:00 for a number; the text says it all the same.
    private static func timeOfDay(_ reader: SectionReader) -> Int? {
        guard let (text, _) = reader.freeText(ScheduleKeys.at) else { return nil }
        guard let match = text.value.wholeMatch(of: /([01][0-9]|2[0-3]):([0-5][0-9])/),
            let hours = Int(match.output.1), let minutes = Int(match.output.2)
        else {
            reader.reportWrong(
                ScheduleKeys.at, text, "is no time of day",
                suggestion: text.value == text.original ? timeMeant(by: text.original) : nil,
                expected: "\"HH:MM\" in quotes, UTC, from \"00:00\" to \"23:59\"")
            return nil
        }
        return hours * 3600 + minutes * 60
    }

    private static func timeMeant(by text: String) -> String? {
        if let match = text.wholeMatch(of: /([0-9]):([0-5][0-9])/) { return "\"0\(match.output.1):\(match.output.2)\"" }
        if let match = text.wholeMatch(of: /([01][0-9]|2[0-3]):?([0-5][0-9])(:00)?Z?/) {
            return "\"\(match.output.1):\(match.output.2)\""
        }
        if text == "24:00" { return "\"00:00\"" }
        if let hours = Int(text), (0...23).contains(hours) {
            return hours < 10 ? "\"0\(hours):00\"" : "\"\(hours):00\""
        }
        return nil
    }
}
