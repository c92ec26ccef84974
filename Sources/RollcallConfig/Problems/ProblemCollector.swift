/// Gathers the problems of one load; at the end it puts them in order and adds the source lines.
final class ProblemCollector {
    /// More problems than this are of no use; reading stops there.
    static let maximum = 100

    /// The configuration as the user named it.
    let file: String
    private var source: SourceText?
    private var problems: [ConfigurationProblem] = []
    private var warnings: [ConfigurationProblem] = []
    private var seen: Set<ConfigurationProblem> = []
    /// Places whose value must not be shown, because an unknown key may be a misspelt secret one.
    private var hiddenValues: Set<Position> = []

    init(file: String) { self.file = file }

    var isFull: Bool { problems.count >= Self.maximum }
    var isEmpty: Bool { problems.isEmpty }

    func use(source: SourceText) { self.source = source }

    func report(_ problem: ConfigurationProblem) {
        guard !isFull, seen.insert(problem).inserted else { return }
        problems.append(problem)
    }

    func warn(_ problem: ConfigurationProblem) {
        guard warnings.count < Self.maximum, seen.insert(problem).inserted else { return }
        warnings.append(problem)
    }

    func hideValue(at position: Position) { hiddenValues.insert(position) }

    /// Throws what was found; nothing happens when nothing was found.
    func throwIfAny() throws(ConfigurationErrors) {
        guard !problems.isEmpty else { return }
        var all = finish(problems)
        if isFull {
            all.append(
                ConfigurationProblem(file: file, message: "too many problems; only the first \(all.count) are shown"))
        }
        throw ConfigurationErrors(all)
    }

    func finishedWarnings() -> [ConfigurationProblem] { finish(warnings) }

    private func finish(_ found: [ConfigurationProblem]) -> [ConfigurationProblem] {
        let excerpts = source.map { RedactedSource($0) }
        return found.map { problem in
            guard problem.file == file, let line = problem.line, let excerpts else { return problem }
            var finished = problem
            let place = Position(line: line, column: problem.column ?? 1)
            finished.sourceLine = excerpts.line(line, hidingValueAt: hiddenValues.contains(place) ? place : nil)
            return finished
        }.sorted(by: ConfigurationProblem.inReadingOrder)
    }
}
