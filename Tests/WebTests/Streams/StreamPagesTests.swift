import Foundation
import RollcallCore
import SyncEngine
import Testing
import Warehouse

@testable import Web

/// Streams on the pages.
@Suite struct StreamPagesTests {
    // MARK: The overview

    @Test func theOverviewSaysWhatAStreamDoes() throws {
        let expected = [
            "starting", "following, lag 0.4 s, 12 records/s", "sending, lag 0.4 s, 12 records/s", "paused", "held",
            "in another process", "failing, tries again at 12:01:03",
        ]
        for (phase, words) in zip(StreamScene.phases, expected) {
            let html = try StreamScene.card(StreamScene.status(phase))
            #expect(try StreamScene.fact("Stream", in: html) == words)
            #expect(try StreamScene.fact("Next run", in: html) == nil)
            #expect(try StreamScene.fact("Lateness", in: html) == nil)
            #expect(!html.contains("minutes behind"))
        }
        #expect(try StreamScene.fact("Stream", in: StreamScene.card(StreamScene.status(nil))) == "starting")
        let disabled = StreamScene.settings { $0.enabled = false }
        let html = try StreamScene.card(StreamScene.status(.paused, settings: disabled))
        #expect(try StreamScene.fact("Stream", in: html) == "disabled")
    }

    @Test func syncsWithoutAStreamAreAsTheyWere() throws {
        let plain = SyncStatus(settings: StreamScene.settings { $0.stream = nil })
        let card = try StreamScene.card(plain)
        #expect(try StreamScene.fact("Stream", in: card) == nil)
        #expect(try StreamScene.fact("Next run", in: card) == "on demand")
        let page = try StreamScene.page(plain)
        #expect(!page.contains("<h2>Stream</h2>") && !page.contains("id=\"pause\"") && page.contains("id=\"run\""))
        #expect(try StreamScene.fact("Schedule", in: page) == "on demand")
    }

    @Test func aStreamThatIsBehindIsSeen() throws {
        for (lag, isBehind) in [(300.0, false), (301.0, true)] {
            let status = StreamScene.status(.sending, lag: lag)
            #expect(try StreamScene.card(status).contains("More than 5 minutes behind") == isBehind)
            #expect(try StreamScene.page(status).contains("more than 5 minutes behind") == isBehind)
        }
        #expect(try !StreamScene.page(StreamScene.status(.elsewhere, lag: 301)).contains("minutes behind"))
    }

    /// What is in progress all day is no news; a run by hand is.
    @Test func theRunOfAStreamIsNotShownAsRunning() throws {
        var status = StreamScene.status(.following)
        status.latestRun = StreamScene.run()
        status.live = LiveRun(
            runID: StreamScene.runID, sync: "orders", trigger: .stream, startedAt: StreamScene.now,
            progress: .sending(done: 1, total: 2))
        for html in [try StreamScene.card(status), try StreamScene.page(status)] {
            #expect(html.contains("<span class=\"badge good\">streaming</span>"))
            #expect(!html.contains("<progress"))
        }
        let page = try StreamScene.page(status)
        #expect(page.contains("<a href=\"/runs/\(StreamScene.runID)\">The run of this hour</a>"))
        status.live?.trigger = .manual
        status.latestRun?.trigger = .manual
        status.stream?.phase = .elsewhere
        #expect(try StreamScene.page(status).contains("Running now"))
        #expect(try StreamScene.card(status).contains("<progress"))
        #expect(try StreamScene.fact("Stream", in: StreamScene.card(status)) == "waits for a run by hand")
    }

    // MARK: The page of the sync

    @Test func thePanelSaysWhatAStreamDoes() throws {
        let expected = [
            "It has not looked at the source yet.", "It follows the source;", "It sends what was read.",
            "It is paused,",
            "A guard holds a run.", "Another process has the sync.", "It has ended with an error,",
        ]
        for (phase, words) in zip(StreamScene.phases, expected) {
            let html = try StreamScene.page(StreamScene.status(phase))
            #expect(html.contains("<p>\(words)"), "\(phase)")
            let isMeasured = [.following, .sending, .failing(StreamScene.problem)].contains(phase)
            #expect(try StreamScene.fact("Lag", in: html) == (isMeasured ? "0.4 s" : nil), "\(phase)")
            #expect(try StreamScene.fact("Rate", in: html) == (isMeasured ? "12 records/s" : nil))
            #expect(try StreamScene.fact("Without an outcome", in: html) == (isMeasured ? "1,234 records" : nil))
            #expect(try StreamScene.fact("Last look here", in: html) == "now")
            #expect(try StreamScene.fact("Schedule", in: html) == nil)
        }
        let held = try StreamScene.page(StreamScene.status(.held(runID: StreamScene.runID)))
        #expect(held.contains("<a href=\"/runs/\(StreamScene.runID)\">Look at the plan</a>"))
        let failing = try StreamScene.page(StreamScene.status(.failing(StreamScene.problem)))
        #expect(failing.contains("<strong>fields_unknown</strong>: the table &quot;orders&quot; is gone"))
        #expect(failing.contains("title=\"2027-01-15 12:01 UTC\">in 33 s</time>"))
    }

    @Test func settingsAndNotificationsAreWords() throws {
        func page(_ wake: String?, _ state: WakeState, linger: Double = 1) throws -> String {
            let settings = StreamScene.settings { sync in
                sync.stream?.wake = wake
                sync.stream?.lingerSeconds = linger
            }
            return try StreamScene.page(StreamScene.status(.following, settings: settings) { $0.wakes = state })
        }
        let plain = try page(nil, .none)
        #expect(try StreamScene.fact("Streamed", in: plain) == "every 5 s")
        #expect(try StreamScene.fact("Notifications", in: plain) == "not used")
        let heard = try page("changes", .listening)
        #expect(try StreamScene.fact("Streamed", in: heard) == "every 5 s, and 1 s after a notification of changes")
        #expect(try StreamScene.fact("Notifications", in: heard) == "come over changes")
        let atOnce = try page("changes", .none, linger: 0)
        #expect(try StreamScene.fact("Streamed", in: atOnce) == "every 5 s, and at once on a notification of changes")
        #expect(try StreamScene.fact("Notifications", in: atOnce) == "not tried yet")
        let lost = try page("changes", .unavailable("A pooler takes them."))
        #expect(
            try StreamScene.fact("Notifications", in: lost) == "do not come over changes: A pooler takes them.")
    }

    @Test func theButtonsAreThoseOfASchedule() throws {
        var status = StreamScene.status(.following)
        let running = try StreamScene.page(status)
        #expect(running.contains("action=\"/syncs/orders/pause\"") && running.contains(">Pause the stream</button>"))
        #expect(!running.contains("id=\"run\""), "it would be busy")
        status.isPaused = true
        let paused = try StreamScene.page(status)
        #expect(paused.contains("action=\"/syncs/orders/resume\"") && paused.contains(">Resume the stream</button>"))
        #expect(paused.contains("id=\"run\"") && !paused.contains("id=\"pause\""))
        var scheduled = SyncStatus(
            settings: StreamScene.settings { sync in
                sync.stream = nil
                sync.schedule = ScheduleSettings(every: .hour)
            })
        #expect(try StreamScene.page(scheduled).contains(">Pause the schedule</button>"))
        scheduled.isPaused = true
        #expect(try StreamScene.page(scheduled).contains(">Resume the schedule</button>"))
    }

    @Test(arguments: [
        "<script>document.title='pwned'</script>", "\"><img src=x onerror=\"document.title='pwned'\">", "\u{202e}a",
        "{{frame.formToken}}", "</dd></dl><h1>gone</h1>", String(repeating: "x", count: 5000),
    ])
    func hostileTextsStayTexts(text: String) throws {
        let settings = StreamScene.settings { $0.stream?.wake = text }
        let problem = StreamStatus.Failure(code: text, message: text, triesAgainAt: StreamScene.now)
        let status = StreamScene.status(.failing(problem), settings: settings) { $0.wakes = .unavailable(text) }
        for html in [try StreamScene.page(status), try StreamScene.card(status)] {
            #expect(!html.contains("<script>") && !html.contains("<img") && !html.contains("<h1>gone"))
            #expect(!html.contains("\u{202e}") && !html.contains(String(repeating: "x", count: 501)))
            #expect(html.firstMatch(of: /\ on[a-z]+="/) == nil && !html.contains("style="))
        }
    }

    // MARK: Charts

    private func sample(_ secondsAgo: Double, _ lag: Double, _ rate: Double) -> StreamStatus.Sample {
        .init(at: StreamScene.now.addingTimeInterval(-secondsAgo), lagSeconds: lag, recordsPerSecond: rate)
    }

    @Test func chartsAreOfTheLastHour() throws {
        // Now is 12:00:30. Two in this minute, the second of which ended with its beginning and belongs to the one before.
        let samples = [
            sample(4000, 99, 99), sample(3000, 0, 0), sample(30, 3.2, 20), sample(20, 0.5, 10), sample(10, 1.5, 4),
        ]
        let charts = StreamCharts(samples, now: StreamScene.now).charts
        #expect(charts.map(\.title) == ["Lag, last hour", "Records a second, last hour"])
        #expect(
            charts.map { $0.bars.map(\.title) } == [
                ["2027-01-15 11:10: 0 s", "2027-01-15 11:59: 3.2 s", "2027-01-15 12:00: 1.5 s"],
                ["2027-01-15 11:10: 0", "2027-01-15 11:59: 20", "2027-01-15 12:00: 7"],
            ])
        #expect(charts.map(\.label) == ["Lag, last hour, at most 3.2 s", "Records a second, last hour, at most 20"])
        #expect(charts.map(\.first) == ["2027-01-15 11:01", "2027-01-15 11:01"])
        #expect(charts.map(\.last) == ["2027-01-15 12:00", "2027-01-15 12:00"])
        #expect(charts[0].lines.map(\.words) == ["0 s", "2 s", "4 s"])
        let description = try #require(charts[0].description)
        #expect(description.contains("3 minutes were measured") && description.contains("1.5 s in the latest"))
        for chart in charts {
            for bar in chart.bars {
                let place = try [bar.x, bar.y, bar.width, bar.height].map { try #require(Double($0)) }
                #expect(place[0] >= ChartMaker.left && place[0] + place[2] <= ChartMaker.right)
                #expect(place[1] >= ChartMaker.top && place[3] > 0)
                #expect(abs(place[1] + place[3] - ChartMaker.bottom) < 0.2)
            }
        }
        let heights = charts[0].bars.compactMap { Double($0.height) }
        #expect(heights[0] < 1 && heights[1] > heights[2] && heights[2] > heights[0])
    }

    @Test func anHourOfSamplesIsShownInFull() throws {
        let samples = (0..<360).map { sample(10 * Double($0), 1, 1) }
        #expect(StreamCharts(samples, now: StreamScene.now).charts.map(\.bars.count) == [60, 60])
        #expect(StreamCharts([], now: StreamScene.now).charts.isEmpty)
        #expect(StreamCharts([sample(4000, 1, 1)], now: StreamScene.now).charts.isEmpty)
        let wild = StreamCharts([sample(1, .infinity, .nan)], now: StreamScene.now).charts
        #expect(wild.count == 2)
    }

    @Test func chartsAreReadWithoutSeeingThem() throws {
        let status = StreamScene.status(.following) { $0.samples = [sample(10, 1.5, 4)] }
        let html = try StreamScene.page(status)
        #expect(html.contains("<figcaption>Lag, last hour</figcaption>"))
        #expect(html.contains("role=\"img\" aria-label=\"Lag, last hour, at most 1.5 s\"><title>Lag, last hour,"))
        #expect(html.contains("<desc>One bar for each minute; 1 minute was measured"))
        #expect(html.contains("<title>2027-01-15 12:00: 4</title>"))
        #expect(try !StreamScene.page(StreamScene.status(.following)).contains("<figure"))
    }

    @Test func ratesAreShort() {
        let expected: [(Double, String)] = [
            (0, "0"), (-1, "0"), (.nan, "0"), (0.04, "0"), (0.44, "0.4"), (1, "1"), (2.5, "2.5"), (9.96, "10"),
            (12.3, "12"), (1234.5, "1,235"), (.infinity, "0"),
        ]
        for (rate, words) in expected { #expect(StreamWords.perSecond(rate) == words, "\(rate)") }
    }
}
