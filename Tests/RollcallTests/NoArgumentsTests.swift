import Foundation
import Testing

/// Where `/proc` is not mounted, as in a bare chroot, Swift gives the program no arguments.
@Suite(.timeLimit(.minutes(10))) struct NoArgumentsTests {
    private static let unshare = URL(fileURLWithPath: "/usr/bin/unshare")
    /// Runs what follows it, with mounts that nothing else sees.
    private static let hiding = [
        "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs none /proc && exec \"$@\"", "sh",
    ]

    private static let canHide: Bool = {
        guard FileManager.default.isExecutableFile(atPath: unshare.path) else { return false }
        let process = Process()
        process.executableURL = unshare
        process.arguments = hiding + ["true"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    @Test(.enabled(if: canHide, "unshare cannot hide /proc here"), arguments: [["--version"], ["run", "members"], []])
    func aCommandLineThatCannotBeReadIsNoCallForHelp(_ arguments: [String]) async throws {
        try await withFolder { folder in
            let output = try await RunningProgram(
                Self.unshare, Self.hiding + [try Program.url().path] + arguments, in: folder, environment: [:]
            ).output()
            #expect(output.code == 2, "\(output.all)")
            #expect(output.out.isEmpty && output.err.contains("/proc is not mounted"), "\(output.all)")
        }
    }
}
