internal import Foundation

/// Finds and reads the `.env` beside a configuration.
enum EnvironmentFile {
    /// Its variables; none when there is no such file. What is wrong with it is reported under its own name.
    static func read(folder: String, configuration: String, problems: ProblemCollector) -> [String: String] {
        let path = folder.hasSuffix("/") ? "\(folder).env" : "\(folder)/.env"
        let shown = shownName(configuration)
        let text: String
        do {
            text = try ConfigurationFile.read(path)
        } catch {
            if !error.isMissing {
                problems.report(
                    ConfigurationProblem(
                        file: shown, line: error.position?.line, column: error.position?.column,
                        message: error.message, hint: error.hint))
            }
            return [:]
        }
        warnIfOpen(path: path, shown: shown, problems: problems)
        let parsed = DotEnvironment(text)
        for failure in parsed.failures {
            problems.report(
                ConfigurationProblem(file: shown, line: failure.line, message: failure.message, hint: failure.hint))
        }
        return parsed.values
    }

    /// `.env` in the same words as the configuration: `conf/rollcall.yaml` has `conf/.env` beside it.
    private static func shownName(_ configuration: String) -> String {
        guard let slash = configuration.lastIndex(of: "/") else { return ".env" }
        return configuration[...slash] + ".env"
    }

    private static func warnIfOpen(path: String, shown: String, problems: ProblemCollector) {
        let attributes = try? FileManager.default.attributesOfItem(
            atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
        guard let mode = (attributes?[.posixPermissions] as? NSNumber)?.intValue, mode & 0o004 != 0 else { return }
        problems.warn(
            ConfigurationProblem(
                file: shown, message: "everybody on this machine can read the file, and the secrets in it",
                hint: "chmod 600 \(shown)"))
    }
}
