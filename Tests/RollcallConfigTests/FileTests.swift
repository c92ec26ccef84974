import Foundation
import RollcallConfig
import RollcallCore
import TemporaryFolders
import Testing

/// A folder of its own for each test, gone afterwards.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = try TemporaryFolders.make("config").path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ text: String, to name: String, mode: Int = 0o600) throws -> String {
        try write(Data(text.utf8), to: name, mode: mode)
    }

    @discardableResult
    func write(_ data: Data, to name: String, mode: Int = 0o600) throws -> String {
        let file = "\(path)/\(name)"
        try data.write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }
}

@Suite struct FileTests {
    private func problems(_ path: String, environment: [String: String] = Sample.environment) -> [ConfigurationProblem]
    {
        do {
            _ = try Configuration.load(path: path, environment: environment)
            return []
        } catch {
            return error.problems
        }
    }

    @Test func filesThatCannotBeRead() throws {
        let folder = try TemporaryFolder()
        let cases: [(String, String)] = [
            ("\(folder.path)/nowhere.yaml", "there is no such file"),
            (folder.path, "this is a directory, not a file"),
            (try folder.write("", to: "empty.yaml"), "the file is empty"),
            (try folder.write("# nothing\n\n", to: "comment.yaml"), "the file is empty"),
            (try folder.write("---\n...\n", to: "null.yaml"), "the file is empty"),
            (try folder.write("- a\n", to: "list.yaml"), "the file is a list, not a mapping"),
            (try folder.write(Data([0xFF, 0xFE, 0x61, 0]), to: "utf16.yaml"), "the file is UTF-16"),
            (
                try folder.write(String(repeating: "# long\n", count: 1_500_000), to: "large.yaml"),
                "the file is larger than 1 MiB, the most that is read"
            ),
        ]
        for (path, message) in cases { #expect(problems(path).map(\.message) == [message], "\(path)") }
        let hint = problems("\(folder.path)/nowhere.yaml").first?.hint
        #expect(hint?.contains("rollcall init") == true && hint?.contains("rollcall demo") == true)
    }

    @Test func invalidUTF8IsPlaced() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Data("a: 1\nb: é".utf8) + Data([0xC3, 0x28]), to: "rollcall.yaml")
        let problem = try #require(problems(path).first)
        #expect(problem.message == "the text is not valid UTF-8")
        #expect(problem.line == 2 && problem.column == 5)
    }

    @Test func dotEnvFillsWhatTheEnvironmentLeavesOpen() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Sample.text, to: "rollcall.yaml")
        try folder.write(
            """
            \u{FEFF}# secrets
            export CRM_DATABASE_URL='service=from-file' # quoted
            ITERABLE_API_KEY = "a\\"b\\\\c\\$d"   # escapes
            UNUSED=plain value # comment
            """, to: ".env")
        let configuration = try Configuration.load(path: path, environment: ["CRM_DATABASE_URL": "service=real"])
        #expect(configuration.warehouses["crm"] == .postgres(url: Secret("service=real"), stateSchema: "rollcall"))
        #expect(configuration.destinations["marketing"]?.apiKey.reveal() == "a\"b\\c$d")
        #expect(configuration.warehouses["shop"] == .sqlite(path: "\(configuration.folder)/shop.sqlite"))
        #expect(configuration.warnings.isEmpty)
    }

    @Test func brokenDotEnvIsReportedWithoutItsValues() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Sample.text, to: "rollcall.yaml")
        try folder.write("A=1\nlit3ral\n2B=lit3ral\nC='lit3ral\nD=\"lit3ral\" lit3ral\nE=\"lit3ral\n", to: ".env")
        let found = problems(path)
        #expect(found.map(\.file).allSatisfy { $0 == "\(folder.path)/.env" })
        #expect(found.map(\.line) == [2, 3, 4, 5, 6])
        #expect(!ConfigurationErrors(found).description.contains("lit3ral"))
    }

    @Test func openDotEnvIsAWarning() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Sample.text, to: "rollcall.yaml")
        try folder.write("A=1\n", to: ".env", mode: 0o644)
        let warnings = try Configuration.load(path: path, environment: Sample.environment).warnings
        #expect(warnings.map(\.hint) == ["chmod 600 \(folder.path)/.env"])
    }

    @Test func queryFilesCountFromTheFolder() throws {
        let folder = try TemporaryFolder()
        try folder.write("\u{FEFF}SELECT '${NOT_REPLACED}' AS email;\n", to: "vip.sql")
        try folder.write(" \n", to: "blank.sql")
        try folder.write(Data([0x80]), to: "binary.sql")
        let good = try folder.write(
            Sample.replacing("table: vip_customers", with: "query_file: vip.sql"), to: "rollcall.yaml")
        let configuration = try Configuration.load(path: good, environment: Sample.environment)
        #expect(
            configuration.syncs.first?.audience
                == .query("SELECT '${NOT_REPLACED}' AS email", file: "\(configuration.folder)/vip.sql"))
        for (name, words) in [("blank.sql", "empty file"), ("binary.sql", "UTF-8"), (".", "directory")] {
            let text = Sample.replacing("table: vip_customers", with: "query_file: \(name)")
            let found = problems(try folder.write(text, to: "bad.yaml"))
            #expect(found.count == 1)
            #expect(found.first?.message.contains(words) == true, "\(name)")
            #expect(found.first?.line == 22 && found.first?.column == 19)
        }
    }

    @Test func theFileIsLookedForInThisOrder() throws {
        let folder = try TemporaryFolder()
        let locate = { (explicit: String?, environment: [String: String]) throws(ConfigurationErrors) -> String in
            try Configuration.locate(explicit: explicit, environment: environment, workingDirectory: folder.path)
        }
        let error = #expect(throws: ConfigurationErrors.self) { try locate(nil, [:]) }
        #expect(error?.description.contains("rollcall init") == true)
        #expect(error?.description.contains("rollcall demo") == true)
        try folder.write("", to: "rollcall.yml")
        #expect(try locate(nil, [:]) == "\(folder.path)/rollcall.yml")
        try folder.write("", to: "rollcall.yaml")
        #expect(try locate(nil, ["ROLLCALL_CONFIG": ""]) == "\(folder.path)/rollcall.yaml")
        #expect(try locate(nil, ["ROLLCALL_CONFIG": "other.yaml"]) == "\(folder.path)/other.yaml")
        #expect(try locate("/etc/mine.yaml", ["ROLLCALL_CONFIG": "other.yaml"]) == "/etc/mine.yaml")
    }
}
