internal import Foundation

extension Configuration {
    /// The configuration to use: the explicit path (`--config`), then `ROLLCALL_CONFIG`, then `rollcall.yaml` or
    /// `rollcall.yml` in the working directory. Whether a path that was given exists is left to ``load(path:environment:)``.
    ///
    /// Throws when nothing was given and nothing lies there.
    package static func locate(
        explicit: String?, environment: [String: String], workingDirectory: String
    ) throws(ConfigurationErrors) -> String {
        if let explicit { return join(explicit, workingDirectory: workingDirectory) }
        if let named = environment["ROLLCALL_CONFIG"], !named.isEmpty {
            return join(named, workingDirectory: workingDirectory)
        }
        for name in fileNames {
            let path = join(name, workingDirectory: workingDirectory)
            if FileManager.default.fileExists(atPath: path) { return path }
        }
        throw ConfigurationErrors([
            ConfigurationProblem(
                file: fileNames[0], message: "there is no such file in \(workingDirectory)",
                hint: "Give one with --config or ROLLCALL_CONFIG. " + missingHint)
        ])
    }

    static let fileNames = ["rollcall.yaml", "rollcall.yml"]

    /// Relative paths stay as the user wrote them where they mean the same.
    private static func join(_ path: String, workingDirectory: String) -> String {
        if path.hasPrefix("/") || workingDirectory == FileManager.default.currentDirectoryPath { return path }
        return workingDirectory.hasSuffix("/") ? workingDirectory + path : "\(workingDirectory)/\(path)"
    }
}
