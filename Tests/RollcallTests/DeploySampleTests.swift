import Foundation
import Testing

/// The unit and the image's recipe in samples/deploy name what exists.
@Suite(.timeLimit(.minutes(10))) struct DeploySampleTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// `KEY=` of the unit, in the order of the lines.
    private static func values(_ key: String, in unit: String) -> [String] {
        unit.split(separator: "\n").compactMap { line in
            line.hasPrefix("\(key)=") ? String(line.dropFirst(key.count + 1)) : nil
        }
    }

    private static func options(in words: [String]) -> [String] { words.filter { $0.hasPrefix("--") } }

    private static func helpOfServe() async throws -> String {
        try await withFolder { try await Program.run(["serve", "--help"], in: $0).out }
    }

    @Test func theUnitStartsServeWithOptionsThatExist() async throws {
        let unit = try Self.text("samples/deploy/rollcall.service")
        let start = try #require(Self.values("ExecStart", in: unit).first).components(separatedBy: " ")
        #expect(start[0].hasSuffix("/rollcall") && start[1] == "serve")
        let help = try await Self.helpOfServe()
        let options = Self.options(in: start)
        #expect(!options.isEmpty)
        for option in options { #expect(help.contains("\(option) <"), "\(option)") }
        #expect(Self.values("ExecReload", in: unit) == ["/bin/kill -HUP $MAINPID"])
        // A wrong configuration ends with 2; that is not tried again.
        #expect(Self.values("RestartPreventExitStatus", in: unit) == ["2"])
        #expect(
            Self.values("Environment", in: unit)
                == ["SWIFT_BACKTRACE=enable=no", "ROLLCALL_CACHE_DIR=/var/cache/rollcall"])
        #expect(Self.values("CacheDirectory", in: unit) == ["rollcall"])
    }

    @Test func theUnitWaitsAsLongAsTheManualSays() throws {
        let unit = try Self.text("samples/deploy/rollcall.service")
        let seconds = try #require(Self.values("TimeoutStopSec", in: unit).first.flatMap { Int($0) })
        let manual = try Self.text("docs/operations.md")
        #expect(manual.contains("`TimeoutStopSec=\(seconds)`"))
        let answers = try #require(manual.firstMatch(of: /get their answers \((\d+) s at most\)/).flatMap { Int($0.1) })
        #expect(seconds > answers)
        for path in ["samples/deploy/rollcall.service", "samples/deploy/Dockerfile"] { #expect(manual.contains(path)) }
    }

    @Test func theImageIsBuiltAsTheMakefileDoesIt() async throws {
        let recipe = try Self.text("samples/deploy/Dockerfile")
        let made = recipe.matches(of: /RUN make ([a-z-]+)/).map { String($0.1) }
        #expect(made == ["release"])
        let makefile = try Self.text("Makefile")
        let rule = try #require(makefile.firstMatch(of: /\nrelease:.* at (\S+)\n/)).1
        #expect(recipe.contains("COPY --from=build /src/\(rule) /usr/local/bin/rollcall"))
        // What the image leaves out of its context is not what the build needs.
        let ignored = try Self.text("samples/deploy/Dockerfile.dockerignore").split(separator: "\n").map(String.init)
        for needed in ["Sources", "Tests", "Makefile", "Package.swift", "scripts", "migrations"] {
            #expect(!ignored.contains(needed))
        }
    }

    @Test func theImageServesAsServeUnderstandsIt() async throws {
        let recipe = try Self.text("samples/deploy/Dockerfile")
        let command = try #require(recipe.firstMatch(of: /\nCMD (\[.*\])\n/)).1
        let words = try JSONDecoder().decode([String].self, from: Data(command.utf8))
        #expect(words.first == "serve")
        let help = try await Self.helpOfServe()
        for option in Self.options(in: words) { #expect(help.contains("\(option) <"), "\(option)") }
        // One port for the server, the look at its health and the port that is shown.
        let listen = try #require(words.first { $0.hasPrefix("0.0.0.0:") })
        let port = try #require(listen.split(separator: ":").last)
        #expect(recipe.contains("EXPOSE \(port)\n") && recipe.contains("http://127.0.0.1:\(port)/healthz"))
        #expect(recipe.contains("\nUSER ") && !recipe.contains("USER root") && !recipe.contains("USER 0"))
    }
}
