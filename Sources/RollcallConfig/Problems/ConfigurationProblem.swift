/// One thing that is wrong, or unwise, in a configuration.
///
/// Nothing in it repeats a secret: values are shown as they are in the file, before `${NAME}` is replaced, and the
/// values of secret keys are masked even then.
package struct ConfigurationProblem: Sendable, Hashable {
    /// The file as the user named it.
    package var file: String
    /// Counted from 1; nil when the whole file is meant.
    package var line: Int?
    /// Counted in Unicode scalars from 1; nil when the whole line or file is meant.
    package var column: Int?
    /// Dotted path of the key (`syncs.vip.schedule.every`); empty for the file itself.
    package var path: String
    package var message: String
    /// What would have been right.
    package var expected: String?
    /// What was probably meant; stands behind "did you mean".
    package var suggestion: String?
    /// How to fix it.
    package var hint: String?
    /// The line of the file, with secrets masked.
    package var sourceLine: String?

    package init(
        file: String, line: Int? = nil, column: Int? = nil, path: String = "", message: String,
        expected: String? = nil, suggestion: String? = nil, hint: String? = nil, sourceLine: String? = nil
    ) {
        self.file = file
        self.line = line
        self.column = column
        // Names of the user's own are parts of these texts, and may have been written with any escape.
        self.path = TextLayout.printable(path)
        self.message = TextLayout.printable(message)
        self.expected = expected.map(TextLayout.printableLines)
        self.suggestion = suggestion.map(TextLayout.printable)
        self.hint = hint.map(TextLayout.printableLines)
        self.sourceLine = sourceLine
    }

    /// `file:line:column`, as editors and terminals follow it.
    package var location: String {
        guard let line else { return file }
        guard let column else { return "\(file):\(line)" }
        return "\(file):\(line):\(column)"
    }
}

extension ConfigurationProblem: CustomStringConvertible {
    /// One paragraph: location and message on the first line, then the source line with a caret, then what was
    /// expected and how to fix it, wrapped at 80 columns.
    package var description: String {
        var headline = "\(location): \(message)"
        if let suggestion { headline += "; did you mean \(suggestion)?" }
        var lines = [headline]
        lines += excerpt
        if let expected { lines += TextLayout.wrap("expected: \(expected)", indent: 4) }
        if let hint { lines += TextLayout.wrap("hint: \(hint)", indent: 4) }
        return lines.joined(separator: "\n")
    }

    private var excerpt: [String] {
        guard let line, let sourceLine else { return [] }
        let number = String(line)
        let margin = String(repeating: " ", count: max(0, 6 - number.count)) + number
        let room = TextLayout.width - margin.count - 3
        let cut = TextLayout.crop(sourceLine, around: column ?? 1, width: room)
        let shown = "\(margin) | \(cut.text)"
        guard column != nil else { return [shown] }
        let blank = String(repeating: " ", count: margin.count)
        return [shown, "\(blank) | \(String(repeating: " ", count: cut.caret))^"]
    }
}

extension ConfigurationProblem {
    /// The order in which problems are reported: by file, then down the file; what concerns the whole file first.
    static func inReadingOrder(_ left: ConfigurationProblem, _ right: ConfigurationProblem) -> Bool {
        (left.file, left.line ?? 0, left.column ?? 0) < (right.file, right.line ?? 0, right.column ?? 0)
    }
}

/// Everything that is wrong with a configuration, in one go.
package struct ConfigurationErrors: Error, Sendable, Equatable {
    /// In the order of the lines; never empty.
    package var problems: [ConfigurationProblem]

    package init(_ problems: [ConfigurationProblem]) { self.problems = problems }
}

extension ConfigurationErrors: CustomStringConvertible {
    /// One paragraph for each problem, parted by empty lines.
    package var description: String { problems.map(\.description).joined(separator: "\n\n") }
}
