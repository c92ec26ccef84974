import Foundation
import TestSupport
import Testing

/// What Rollcall makes is its owner's alone; what is the user's keeps its mode.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FileModeTests {
    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? NSNumber).intValue & 0o777
    }

    /// Runs a command under a umask.
    private func run(_ arguments: [String], umask: String, in folder: URL) async throws -> Output {
        let words = ([try Program.url().path] + arguments).map { "'\($0)'" }.joined(separator: " ")
        return try await RunningProgram(
            URL(fileURLWithPath: "/bin/sh"), ["-c", "umask \(umask); exec \(words)"], in: folder, environment: [:]
        ).output()
    }

    @Test(arguments: ["000", "022", "277"])
    func initMakesAPrivateFile(_ umask: String) async throws {
        try await withFolder { folder in
            let output = try await run(["init", "made"], umask: umask == "277" ? "000" : umask, in: folder)
            #expect(output.code == 0 && output.out.contains("next: `cd made`, fill in"), "\(output.all)")
            let path = folder.appendingPathComponent("made").path
            #expect(try mode(path) == 0o700)
            #expect(try mode(path + "/rollcall.yaml") == 0o600)
            let again = try await run(["init", "made"], umask: umask, in: folder)
            #expect(again.code == 1 && again.err.contains("exists already"), "\(again.all)")
        }
    }

    @Test(arguments: ["000", "022"])
    func theDemosFilesArePrivate(_ umask: String) async throws {
        try await withFolder { folder in
            for _ in 1...2 {
                let output = try await run(["demo", "shop", "--port", "0"], umask: umask, in: folder)
                #expect(output.code == 0, "\(output.all)")
                let path = folder.appendingPathComponent("shop").path
                #expect(try mode(path) == 0o700)
                let names = try FileManager.default.contentsOfDirectory(atPath: path)
                #expect(names.count >= 3)
                for name in names { #expect(try mode(path + "/" + name) == 0o600, "\(name)") }
            }
        }
    }

    @Test func aLinkIsNotFollowed() async throws {
        try await withFolder { folder in
            let victim = folder.appendingPathComponent("victim")
            try Data("mine".utf8).write(to: victim)
            let demo = folder.appendingPathComponent("shop").path
            try FileManager.default.createDirectory(atPath: demo, withIntermediateDirectories: true)
            try Data().write(to: URL(fileURLWithPath: demo + "/.rollcall-demo"))
            try FileManager.default.createSymbolicLink(
                atPath: demo + "/rollcall.yaml", withDestinationPath: victim.path)
            let output = try await run(["demo", "shop", "--port", "0"], umask: "022", in: folder)
            #expect(output.code == 1, "\(output.all)")
            #expect(try Data(contentsOf: victim) == Data("mine".utf8))
        }
    }

    /// The journals of SQLite have the mode of the database; that file is the user's and is left as it is.
    @Test(arguments: [0o644, 0o640, 0o600]) func theWarehouseKeepsItsMode(_ wanted: Int) async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            let file = try #require(shop.fixture as? SQLiteFixture)
            try FileManager.default.setAttributes([.posixPermissions: wanted], ofItemAtPath: file.path)
            try await shop.execute("PRAGMA journal_mode = WAL")
            #expect(try await shop.rollcall("run", "members").code == 0)
            #expect(try mode(file.path) == wanted)
            for suffix in ["-wal", "-shm", "-journal"] where FileManager.default.fileExists(atPath: file.path + suffix)
            {
                #expect(try mode(file.path + suffix) == wanted, "\(suffix)")
            }
        }
    }
}
