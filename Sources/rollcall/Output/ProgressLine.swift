import Foundation
import RollcallCore
import SyncEngine
import Synchronization

/// Shows what a run is busy with: a bar with rate and time left on a terminal, plain lines now and then elsewhere.
final class ProgressLine: Sendable {
    private struct State {
        var phase = ""
        var phaseStart = ContinuousClock.now
        var lastShown: ContinuousClock.Instant?
        var isShown = false
    }

    private let console: Console
    private let name: String
    private let isQuiet: Bool
    private let state = Mutex(State())

    init(_ name: String, console: Console, isQuiet: Bool = false) {
        self.name = name
        self.console = console
        self.isQuiet = isQuiet
    }

    func show(_ progress: RunProgress) {
        if isQuiet { return }
        switch progress {
        case .opened, .requests: return
        case .note(let text): return note(text)
        default: break
        }
        state.withLock { state in
            let (phase, done, total) = ProgressLine.measure(progress)
            let now = ContinuousClock.now
            let isNew = phase != state.phase
            if isNew {
                state.phase = phase
                state.phaseStart = now
            }
            let pause = console.errorIsTerminal ? Duration.milliseconds(100) : .seconds(5)
            let isLast = total.map { done == $0 } ?? false
            // Without a terminal, short phases leave no line.
            if !console.errorIsTerminal && now - state.phaseStart < pause { return }
            if let last = state.lastShown, now - last < pause, !isNew, !isLast { return }
            state.lastShown = now
            let text = ProgressLine.text(
                progress, elapsed: state.phaseStart.duration(to: now),
                width: console.errorIsTerminal ? console.width - name.count - 3 : 0)
            if console.errorIsTerminal {
                console.raw("\r\u{1B}[K\(name): \(text)")
                state.isShown = true
            } else {
                console.note("\(name): \(text)")
            }
        }
    }

    /// Takes the bar away.
    func end() { state.withLock { clear(&$0) } }

    private func clear(_ state: inout State) {
        if state.isShown { console.raw("\r\u{1B}[K") }
        state.isShown = false
    }

    /// A sentence on a separate line, which stays.
    private func note(_ text: String) {
        state.withLock { state in
            clear(&state)
            console.noteSentence(DisplayText.safe(text), after: "\(name): ")
        }
    }

    private static func measure(_ progress: RunProgress) -> (String, Int, Int?) {
        switch progress {
        case .opened, .requests, .note: ("", 0, nil)
        case .readingSnapshot: ("snapshot", 0, nil)
        case .readingAudience(let rows): ("rows", rows, nil)
        case .staging(let changes): ("staging", changes, nil)
        case .sending(let done, let total): ("sending", done, total)
        case .waiting(let seconds, _): ("waiting", Int(seconds), nil)
        case .finishing: ("finishing", 0, nil)
        }
    }

    static func text(_ progress: RunProgress, elapsed: Duration, width: Int) -> String {
        let seconds = max(0.001, Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18)
        switch progress {
        case .opened, .requests, .note: return ""
        case .readingSnapshot: return "reading the snapshot"
        case .readingAudience(let rows):
            return
                "reading, \(DisplayText.grouped(rows)) rows, \(DisplayText.grouped(Int(Double(rows) / seconds)))/s"
        case .staging(let changes): return "staging \(DisplayText.count(changes, "change"))"
        case .waiting(let wait, let reason): return "waiting \(Int(wait.rounded(.up))) s: \(reason)"
        case .finishing: return "finishing"
        case .sending(let done, let total):
            let rate = Double(done) / seconds
            let left = rate > 0 ? DisplayText.duration((Double(total - done) / rate).rounded(.up)) : "?"
            let tail =
                " \(DisplayText.grouped(done))/\(DisplayText.grouped(total)) \(DisplayText.grouped(Int(rate)))/s, \(left) left"
            let room = min(30, width - tail.count - 2)
            guard room >= 5 else { return "sending," + tail }
            let filled = total > 0 ? room * done / total : room
            return "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: room - filled) + "]"
                + tail
        }
    }
}
