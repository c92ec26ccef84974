import Foundation
import Synchronization
import TemporaryFolders
import TestSupport

/// How a program ended and what it said.
struct Output: Sendable {
    /// Exit code; the signal's number for a program that a signal ended.
    let code: Int32
    let endedBySignal: Bool
    let stdout: Data
    let stderr: Data

    var out: String { String(decoding: stdout, as: UTF8.self) }
    var err: String { String(decoding: stderr, as: UTF8.self) }
    /// Both streams.
    var all: String { out + err }

    /// The JSON on stdout.
    func json() throws -> Any { try JSONSerialization.jsonObject(with: stdout, options: .fragmentsAllowed) }

    /// The one JSON object on stdout.
    func object() throws -> [String: Any] { try json() as? [String: Any] ?? [:] }
}

/// A program that runs. Its output goes to files: a pipe that a sibling has inherited would never come to its end.
final class RunningProgram: Sendable {
    private struct State {
        var end: (code: Int32, bySignal: Bool)?
        var waiter: CheckedContinuation<Void, Never>?
    }

    let processID: pid_t
    private let folder: URL
    private let state: SharedState

    private final class SharedState: Sendable {
        let value = Mutex(State())
    }

    /// - Parameter environment: all of it; nothing is inherited but the paths.
    init(_ program: URL, _ arguments: [String], in workingFolder: URL, environment: [String: String]) throws {
        folder = try TemporaryFolders.make("out")
        let inherited = ProcessInfo.processInfo.environment.filter {
            ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"].contains($0.key)
        }
        let (output, errors) = (try Self.file("stdout", in: folder), try Self.file("stderr", in: folder))
        let state = SharedState()
        let id = try SpawnedProcess.start(
            program, arguments, in: workingFolder, environment: inherited.merging(environment) { $1 },
            output: output.fileDescriptor, errors: errors.fileDescriptor
        ) { end in
            let waiter = state.value.withLock { state in
                state.end = end
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
        withExtendedLifetime((output, errors)) {}
        self.state = state
        processID = id
    }

    private static func file(_ name: String, in folder: URL) throws -> FileHandle {
        let url = folder.appendingPathComponent(name)
        _ = FileManager.default.createFile(atPath: url.path, contents: nil)
        return try FileHandle(forWritingTo: url)
    }

    var hasEnded: Bool { state.value.withLock { $0.end != nil } }

    /// What it has said until now.
    var outputSoFar: String { read("stdout") }
    var errorsSoFar: String { read("stderr") }

    private func read(_ name: String) -> String {
        (try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)) ?? ""
    }

    func signal(_ number: Int32) {
        if !hasEnded { _ = kill(processID, number) }
    }

    /// A test that failed leaves nothing running.
    deinit { signal(SIGKILL) }

    /// Waits for the end; ask once. A test whose time is over ends the program.
    func output() async throws -> Output {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let hasEnded = state.value.withLock { state in
                    if state.end == nil { state.waiter = continuation }
                    return state.end != nil
                }
                if hasEnded { continuation.resume() }
            }
        } onCancel: {
            signal(SIGKILL)
        }
        let end: (code: Int32, bySignal: Bool) = state.value.withLock { $0.end ?? (-1, false) }
        defer { try? FileManager.default.removeItem(at: folder) }
        return Output(
            code: end.code, endedBySignal: end.bySignal,
            stdout: try Data(contentsOf: folder.appendingPathComponent("stdout")),
            stderr: try Data(contentsOf: folder.appendingPathComponent("stderr")))
    }
}

/// The built binary.
enum Program {
    struct NotFound: Error, CustomStringConvertible {
        var description: String
    }

    /// Beside the test bundle, or where `swift build` puts it.
    static func url() throws -> URL {
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let places = [bundle, checkout.appendingPathComponent(".build/debug")]
        for place in places {
            let program = place.appendingPathComponent("rollcall")
            if FileManager.default.isExecutableFile(atPath: program.path) { return program }
        }
        throw NotFound(description: "the binary rollcall is in none of \(places.map(\.path)); run `swift build` first")
    }

    static func start(
        _ arguments: [String], in folder: URL, environment: [String: String] = [:]
    ) throws -> RunningProgram {
        try RunningProgram(url(), arguments, in: folder, environment: environment)
    }

    static func run(
        _ arguments: [String], in folder: URL, environment: [String: String] = [:]
    ) async throws -> Output {
        try await start(arguments, in: folder, environment: environment).output()
    }
}

/// Waits until a condition holds.
/// - Returns: whether it came to hold before the deadline.
func eventually(within limit: Duration = patience, _ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(3))
    }
    return try await condition()
}

/// Calls `body` with a new folder and removes it afterwards.
func withFolder<R>(_ body: (URL) async throws -> R) async throws -> R {
    try await TemporaryFolders.with("cli", body)
}
