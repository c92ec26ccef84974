import Foundation

/// Finds and starts the server's programs.
enum PostgresPrograms {
    /// The folder that has `initdb` and `postgres`; the newest version if there are several.
    static func folder() throws -> String {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let newest = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "/usr/lib/postgresql/\($0)/bin" }
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        for folder in newest + path + ["/usr/local/pgsql/bin"]
        where FileManager.default.isExecutableFile(atPath: folder + "/initdb")
            && FileManager.default.isExecutableFile(atPath: folder + "/postgres")
        {
            return folder
        }
        throw PostgresCluster.Failure(
            description: "PostgreSQL's server programs were not found. Run: apt-get install postgresql")
    }

    /// Starts a program; as the user `postgres` if we are root, for the server refuses to run as root. Its output
    /// goes to a file: inherited pipes would keep the test runner waiting.
    static func start(_ program: String, _ arguments: [String], log: URL) throws -> Process {
        let process = Process()
        if getuid() == 0 {
            guard let user = getpwnam(PostgresCluster.superuser) else {
                throw PostgresCluster.Failure(
                    description: "There is no user \(PostgresCluster.superuser). Run: apt-get install postgresql")
            }
            process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
            process.arguments =
                [
                    "--reuid=\(user.pointee.pw_uid)", "--regid=\(user.pointee.pw_gid)", "--clear-groups", program,
                ] + arguments
        } else {
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
        }
        if !FileManager.default.fileExists(atPath: log.path) {
            _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        }
        let handle = try FileHandle(forWritingTo: log)
        try handle.seekToEnd()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = handle
        process.standardError = handle
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        try process.run()
        return process
    }
}
