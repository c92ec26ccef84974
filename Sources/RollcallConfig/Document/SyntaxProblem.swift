internal import Yams

/// Puts what the YAML parser found into words.
enum SyntaxProblem {
    static func describe(_ error: any Error, in source: SourceText, file: String) -> ConfigurationProblem {
        guard let error = error as? YamlError else {
            return ConfigurationProblem(file: file, message: "the file is not YAML")
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let context = context.map { (text: $0.text, line: $0.mark.line) }
            return describe(problem, context: context, line: mark.line, column: mark.column, in: source, file: file)
        case .reader(let problem, _, _, _):
            return ConfigurationProblem(file: file, message: "the file is not YAML: \(problem)")
        default:
            return ConfigurationProblem(file: file, message: "the file is not YAML")
        }
    }

    private static func describe(
        _ problem: String, context: (text: String, line: Int)?, line: Int, column: Int, in source: SourceText,
        file: String
    ) -> ConfigurationProblem {
        let atEnd = line > source.lines.count || (line == source.lines.count && source.lines[line - 1].isEmpty)
        let place = atEnd ? lastLine(of: source) : Position(line: line, column: column)
        let wording = wording(problem, character: character(at: place, in: source))
        var message = "not valid YAML: \(wording.message)"
        if atEnd { message += ", at the end of the file" }
        if let context, context.line != place.line, context.text.hasPrefix("while") {
            message += " (\(context.text) that begins on line \(context.line))"
        }
        return ConfigurationProblem(
            file: file, line: place.line, column: place.column, message: message, hint: wording.hint)
    }

    private static func lastLine(of source: SourceText) -> Position {
        let number = (source.lines.lastIndex { !$0.allSatisfy(\.isWhitespace) } ?? 0) + 1
        return Position(line: number, column: source.lines[number - 1].unicodeScalars.count + 1)
    }

    private static func character(at place: Position, in source: SourceText) -> Unicode.Scalar? {
        guard place.line >= 1, place.line <= source.lines.count else { return nil }
        return source.lines[place.line - 1].unicodeScalars.dropFirst(place.column - 1).first
    }

    private static func wording(_ problem: String, character: Unicode.Scalar?) -> (message: String, hint: String?) {
        switch problem {
        case "found character that cannot start any token" where character == "\t",
            "found a tab character that violates indentation":
            return ("a tab", "Indent with blanks; YAML does not allow tabs there.")
        case "found character that cannot start any token":
            let sign = character.map { TextLayout.quoted(String($0)) } ?? "this sign"
            return ("a value cannot begin with \(sign)", "Put the value in quotes.")
        case "mapping values are not allowed in this context":
            return (
                "a \":\" where no key can stand",
                "Check the indentation, and put values that contain \": \" in quotes."
            )
        case "could not find expected ':'":
            return ("a key without \":\"", "Write \"key: value\"; there may be a \":\" or a quote missing above.")
        case "did not find expected key":
            return (
                "a key was expected here",
                "Check that this line is indented like its neighbours, and that quotes above it are closed."
            )
        case "found unexpected end of stream":
            return ("a quote is not closed", "Close it.")
        case "found undefined alias":
            return ("this alias refers to no anchor above it", "Define it first: \"key: &name …\".")
        case "but found another document":
            return ("a second document begins here", "Keep everything in one document, without \"---\" in between.")
        default:
            return (problem, nil)
        }
    }
}
