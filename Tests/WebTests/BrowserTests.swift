import Foundation
import HTTPTypes
import RollcallCore
import SyncEngine
import TemporaryFolders
import TestSupport
import Testing

@testable import Web

/// The pages in headless Chromium, with names and people that mean harm. Install it with `scripts/setup --browser`.
@Suite(.serialized, .timeLimit(.minutes(10))) struct BrowserTests {
    private static let hostileName =
        "<script>document.title='pwned'</script>\u{202e}vip\"'><img src=x onerror=document.title='pwned'>"
    private static let hostilePeople = [
        "<script>document.title='pwned'</script>", "\"><img src=x onerror=\"document.title='pwned'\">",
        "\u{202e}moc.live@a", String(repeating: "x", count: 10_000), "{{frame.formToken}}",
        "</td></table><h1>gone</h1>",
    ]

    @Test(.enabled(if: Chromium.path != nil, "Chromium is not installed: scripts/setup --browser"))
    func hostileTextsStayTexts() async throws {
        try await WebBench.with(tokens: nil, names: [Self.hostileName]) { bench in
            for person in Self.hostilePeople {
                let quoted = person.replacing("'", with: "''")
                try await bench.fixture.execute("INSERT INTO people VALUES ('\(quoted)')")
            }
            let run = try await bench.run(Self.hostileName)
            _ = try await bench.run(Self.hostileName)
            #expect(run.counts.invalid == Self.hostilePeople.count)
            try await bench.listening { port in
                let root = "http://127.0.0.1:\(port)"
                for path in ["/", "/syncs/\(Self.hostileName.percentEncoded)", "/runs/\(run.id)", "/nothing"] {
                    let page = try await Chromium.open(root + path)
                    #expect(!page.document.contains("<title>pwned"), "\(path)")
                    #expect(page.document.contains("Rollcall</title>"), "\(path)")
                    #expect(!page.document.contains("<img src="), "\(path)")
                    // The script compares whole names; nobody sees this attribute.
                    let seen = page.document.replacing(/data-sync="[^"]*"/, with: "")
                    #expect(!seen.contains("\u{202e}"), "\(path)")
                    #expect(!page.document.contains("<h1>gone"), "\(path)")
                    #expect(!page.log.contains("Content Security Policy"), "\(path): \(page.log)")
                    #expect(!page.log.contains("Uncaught"), "\(path): \(page.log)")
                }
                let page = try await Chromium.open("\(root)/runs/\(run.id)")
                #expect(page.document.contains("&lt;script&gt;document.title='pwned'&lt;/script&gt;"))
                #expect(page.document.contains("{{frame.formToken}}"))
            }
        }
    }

    /// With the script, a page shows what happened after it was loaded.
    @Test(.enabled(if: Chromium.path != nil, "Chromium is not installed: scripts/setup --browser"))
    func pagesFollowWhatHappens() async throws {
        try await WebBench.with(tokens: nil) { bench in
            try await bench.listening { port in
                let root = "http://127.0.0.1:\(port)"
                bench.destination.hold()
                let run = try await bench.service.start("vip")
                try await Chromium.watching("\(root)/runs/\(run.id)") { debugPort in
                    // Listed before it has its title; the page itself says how the run stands.
                    try await eventually {
                        let metrics = try await Self.fetch(port, "/metrics")
                        guard metrics.contains("route=\"/api/v1/events\"") else { return false }
                        return try await Self.fetch(debugPort, "/json/list").contains("Run of vip: running")
                    }
                    bench.destination.letGo()
                    try await eventually {
                        try await Self.fetch(debugPort, "/json/list").contains("Run of vip: succeeded")
                    }
                }
            }
        }
    }

    /// On a phone, a row of records shows who, what and why; the two columns of numbers have no headings there.
    @Test(.enabled(if: Chromium.path != nil, "Chromium is not installed: scripts/setup --browser"))
    func recordsShowNoNumbersOnAPhone() async throws {
        try await WebBench.with(tokens: nil, people: 1) { bench in
            let run = try await bench.run()
            try await bench.routes { client in
                let page = try await client.get("/runs/\(run.id)?status=all", token: nil).body
                let table = try #require(page.firstMatch(of: /<table class="records">[\s\S]*?<\/table>/)).output
                let shown = try await Self.shownCells(String(table), width: 400)
                #expect(shown == "block inline-block inline-block block none none inline-block")
                let wide = try await Self.shownCells(String(table), width: 900)
                #expect(Set(wide.split(separator: " ")) == ["table-cell"], "\(wide)")
            }
        }
    }

    /// How a browser lays out each cell of a table, in a frame of this width in pixels.
    private static func shownCells(_ table: String, width: Int) async throws -> String {
        let frame = "<style>\(StyleSheet.text)</style>\(table)"
            .replacing("&", with: "&amp;").replacing("\"", with: "&quot;")
        let document = """
            <iframe width="\(width)" srcdoc="\(frame)"></iframe><script>
            addEventListener("load", () => {
              const inner = document.querySelector("iframe").contentWindow;
              const cells = [...inner.document.querySelectorAll("td")];
              document.title = cells.map(cell => inner.getComputedStyle(cell).display).join(" ");
            });
            </script>
            """
        let folder = try TemporaryFolders.make("table")
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("table.html")
        try Data(document.utf8).write(to: file)
        let page = try await Chromium.open(file.absoluteString)
        return String(try #require(page.document.firstMatch(of: /<title>([^<]*)<\/title>/)).output.1)
    }

    private static func fetch(_ port: Int, _ path: String) async throws -> String {
        let wire = try Wire(port: port)
        try await wire.send("GET \(path) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        // Not every server closes when it is asked to: the body is as long as the head says.
        var all = try await wire.receive(until: "\r\n\r\n")
        let length = all.lowercased().firstMatch(of: /content-length: *([0-9]+)/).flatMap { Int($0.output.1) } ?? 0
        let head = all.range(of: "\r\n\r\n").map { all[..<$0.upperBound].utf8.count } ?? 0
        while all.utf8.count < head + length, let part = try await wire.receive() { all += part }
        return all
    }
}

/// Chromium without a window.
enum Chromium {
    static let path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    /// The document once it is loaded, however long that takes, and what the console said.
    static func open(_ address: String) async throws -> (document: String, log: String) {
        let browser = try Browser(["--dump-dom", address])
        defer { browser.end() }
        try await browser.wait()
        let log = try browser.text("err").split(separator: "\n").filter { $0.contains("CONSOLE") }
        return (try browser.text("out"), log.joined(separator: "\n"))
    }

    /// Keeps a page open while `body` runs, which gets the port of the DevTools protocol.
    static func watching(_ address: String, _ body: (_ debugPort: Int) async throws -> Void) async throws {
        let browser = try Browser(["--remote-debugging-port=0", address])
        defer { browser.end() }
        async let ended: Void = browser.wait()
        let result: Result<Void, any Error>
        do {
            try await eventually { (try? browser.text("DevToolsActivePort"))?.contains("\n") == true }
            let port = try #require(
                try browser.text("DevToolsActivePort").split(separator: "\n").first.flatMap { Int($0) })
            result = .success(try await body(port))
        } catch {
            result = .failure(error)
        }
        browser.stop()
        try await ended
        try result.get()
    }
}

/// One process of the browser, with a profile of its own.
private final class Browser: @unchecked Sendable {
    private let process = Process()
    private let folder: URL

    init(_ arguments: [String]) throws {
        folder = try TemporaryFolders.make("chromium")
        process.executableURL = URL(fileURLWithPath: try #require(Chromium.path))
        process.arguments =
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--user-data-dir=\(folder.path)", "--enable-logging=stderr", "--v=0",
            ] + arguments
        for name in ["out", "err"] {
            try Data().write(to: folder.appendingPathComponent(name))
        }
        process.standardOutput = try FileHandle(forWritingTo: folder.appendingPathComponent("out"))
        process.standardError = try FileHandle(forWritingTo: folder.appendingPathComponent("err"))
        process.standardInput = FileHandle.nullDevice
    }

    /// Starts it, and returns when it has ended. A test whose time is over ends it.
    func wait() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                process.terminationHandler = { _ in continuation.resume() }
                do { try process.run() } catch { continuation.resume(throwing: error) }
            }
        } onCancel: {
            stop()
        }
    }

    /// A test that failed leaves nothing running.
    deinit { stop() }

    func stop() { if process.isRunning { process.terminate() } }

    func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: folder.appendingPathComponent(name)), as: UTF8.self)
    }

    func end() { try? FileManager.default.removeItem(at: folder) }
}
