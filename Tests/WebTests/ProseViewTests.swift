import Testing

@testable import Web

/// Hints with commands between backticks.
@Suite struct ProseViewTests {
    private func shown(_ text: String, limit: Int = 1000) -> String {
        ProseView(text, limit: limit).parts.map { part in
            let words = part.words.map { $0.text + $0.gap }.joined()
            return part.isCode ? "[\(words)]" : words
        }.joined()
    }

    @Test(arguments: [
        ("Start it.", "Start it."), ("Run `rollcall migrate`.", "Run [rollcall migrate]."),
        ("`a --b c` moves it; `d: e` stays", "[a --b c] moves it; [d: e] stays"), ("one ` alone", "one ` alone"),
        ("`a` and ` b", "[a] and ` b"), ("", ""), ("``", "[]"),
    ])
    func codeStandsBetweenBackticks(_ text: String, _ expected: String) {
        #expect(shown(text) == expected)
    }

    @Test func whatIsCutInACommandIsNoCode() {
        #expect(shown("Run `rollcall migrate` now", limit: 10) == "Run `rollc…")
    }

    @Test func whatIsBetweenBackticksIsEscaped() throws {
        let view = ErrorPageView(
            frame: Frame(title: "t", version: "1"), heading: "h", detail: "d",
            hint: ProseView("Run `rollcall <b> --from x`, then <i>.", limit: 100), runID: nil, back: "/")
        let html = try PageRenderer().render(view, "error")
        let code = "<code><span>rollcall</span> <span>&lt;b&gt;</span> <span>--from</span> <span>x</span></code>"
        #expect(html.contains("<p class=\"soft\">Run \(code), then &lt;i&gt;.</p>"), "\(html)")
    }
}
