import Foundation
import RollcallCore
import Testing

@Suite struct AlertStateTests {
    @Test func whoHasHeardIsKeptUntilAllIsWell() {
        for state in [
            AlertState(.failed), AlertState(.held(runID: "r1"), heardBy: []), AlertState(.late, heardBy: ["b", "a"]),
        ] { #expect(AlertState(text: state.text) == state) }
        #expect(AlertState(.late, heardBy: ["b", "a"]).text == "late heard=a,b")
        #expect(AlertState(text: "held r1")?.heardBy == nil && AlertState(text: "nonsense") == nil)
        #expect(AlertState(.failed, heardBy: ["a"]).changed(to: .late).heardBy == ["a"])
        #expect(AlertState(.failed, heardBy: ["a"]).changed(to: .fine).heardBy == nil)
        #expect(AlertState(.fine).changed(to: .failed).heardBy == nil)
    }
}

@Suite struct AlertTests {
    private static let noon = Date(timeIntervalSince1970: 1_800_014_400)

    private func run(_ status: RunStatus, failed: Int = 0, id: String = "r") -> SyncRun {
        var run = SyncRun(
            id: id, sync: "vip", destination: "d", trigger: .schedule, status: status, startedAt: Self.noon)
        run.counts.failed.subscribe = failed
        return run
    }

    private func facts(_ run: SyncRun?) -> AlertFacts {
        var facts = AlertFacts(sync: "vip", now: Self.noon)
        facts.latestRun = run
        if run?.status == .held { facts.heldRun = run }
        return facts
    }

    /// Condition after each step, and the messages on the way.
    private func story(_ steps: [AlertFacts], failuresOver: Int = 0) -> [String] {
        var thresholds = AlertThresholds()
        thresholds.failuresOver = failuresOver
        var reported: AlertCondition?
        return steps.map { facts in
            let now = facts.condition(after: reported, thresholds)
            let alert = facts.alert(from: reported, to: now, thresholds)
            reported = now
            return alert?.kind.rawValue ?? "-"
        }
    }

    @Test func oneMessageForEachChange() {
        #expect(story([facts(nil), facts(run(.succeeded))]) == ["-", "-"])
        #expect(
            story([facts(run(.failed)), facts(run(.failed)), facts(run(.running)), facts(run(.succeeded))])
                == ["failed", "-", "-", "recovered"])
        #expect(
            story([
                facts(run(.held, id: "a")), facts(run(.held, id: "a")), facts(run(.cancelled)),
                facts(run(.held, id: "b")),
            ])
                == ["held", "-", "recovered", "held"])
        #expect(story([facts(run(.held, id: "a")), facts(run(.held, id: "b"))]) == ["held", "held"])
        #expect(story([facts(run(.failed)), facts(run(.held))]) == ["failed", "held"])
        #expect(
            story([facts(run(.failed)), facts(run(.interrupted)), facts(run(.failed))]) == ["failed", "-", "-"])
        #expect(story([facts(run(.interrupted)), facts(run(.succeeded))]) == ["-", "-"])
    }

    @Test func failuresCountFromTheThreshold() {
        let steps = [5, 6, 7, 5].map { facts(run(.completedWithFailures, failed: $0)) }
        #expect(story(steps, failuresOver: 5) == ["-", "failures", "-", "recovered"])
        #expect(story(steps) == ["failures", "-", "-", "-"])
    }

    @Test func aSyncIsLateWhenATickIsNotMadeGood() {
        var thresholds = AlertThresholds()
        thresholds.lateAfterMinutes = 30
        func since(_ minutes: Double, good: Double?, first: Double? = 0, scheduled: Bool = true) -> Double? {
            var facts = AlertFacts(sync: "vip", now: Self.noon.addingTimeInterval(60 * minutes))
            facts.latestGoodStart = good.map { Self.noon.addingTimeInterval(60 * $0) }
            facts.firstTick = first.map { Self.noon.addingTimeInterval(60 * $0) }
            facts.grid = scheduled ? TickGrid(ScheduleSettings(every: .hour)) : nil
            return facts.lateSince(thresholds).map { $0.timeIntervalSince(Self.noon) / 60 }
        }
        #expect(since(29, good: nil) == nil)
        #expect(since(30, good: nil) == 0)
        #expect(since(30, good: 0.1) == nil)
        #expect(since(89, good: 0.1) == nil)
        #expect(since(90, good: 0.1) == 60)
        #expect(since(90, good: 75) == nil)
        #expect(since(90, good: nil, scheduled: false) == nil)
        #expect(since(90, good: nil, first: nil) == nil)
        #expect(since(90, good: nil, first: 120) == nil, "before its first tick nothing was promised")
    }

    @Test func conditionsAreKeptAsText() {
        for condition in [AlertCondition.fine, .failed, .failures, .late, .silent, .behind, .held(runID: "0199-a")] {
            #expect(AlertCondition(text: condition.text) == condition)
        }
        #expect(AlertCondition(text: "nonsense") == nil)
    }
}

@Suite struct StreamAlertTests {
    private static let noon = Date(timeIntervalSince1970: 1_800_014_400)

    private func facts(
        _ lag: Double?, _ status: RunStatus? = .running, failed: Int = 0, isStreamed: Bool = true
    ) -> AlertFacts {
        var facts = AlertFacts(sync: "orders", now: Self.noon)
        facts.isStreamed = isStreamed
        facts.streamLag = lag
        guard let status else { return facts }
        var run = SyncRun(
            id: "r", sync: "orders", destination: "d", trigger: .stream, status: status, startedAt: Self.noon)
        run.counts.failed.track = failed
        facts.latestRun = run
        if status == .held { facts.heldRun = run }
        return facts
    }

    /// The messages on the way.
    private func story(_ steps: [AlertFacts], from first: AlertCondition? = nil) -> [String] {
        var reported = first
        return steps.map { facts in
            let now = facts.condition(after: reported, AlertThresholds())
            let alert = facts.alert(from: reported, to: now, AlertThresholds())
            reported = now
            return alert?.kind.rawValue ?? "-"
        }
    }

    @Test func aStreamIsBehindAfterFiveMinutesAndRecovers() {
        #expect(
            story([0, 300, 300.1, 900, 300, 0].map { facts($0) })
                == ["-", "-", "stream_behind", "-", "recovered", "-"])
        #expect(story([facts(400)]) == ["stream_behind"], "also where it was behind before alerts were configured")
    }

    /// Another process has the stream, or this one has measured nothing yet.
    @Test func whoDoesNotKnowTheLagChangesNothing() {
        #expect(story([facts(nil), facts(nil, .interrupted), facts(nil, nil)], from: .behind) == ["-", "-", "-"])
        #expect(story([facts(nil), facts(nil, .succeeded)], from: .fine) == ["-", "-"])
        #expect(story([facts(nil, isStreamed: false)], from: .behind) == ["recovered"], "it is streamed no more")
        #expect(story([facts(900, isStreamed: false)], from: .fine) == ["-"])
    }

    @Test func heldAndFailedRunsOfAStreamAreSaidFirst() {
        #expect(story([facts(400, .held), facts(nil, .running)]) == ["held", "recovered"])
        // One that fails again and again says so once, however far it is behind while it is tried again.
        #expect(
            story([facts(400, .failed), facts(400), facts(500, .failed), facts(1), facts(1, .succeeded)]) == [
                "failed", "-", "-", "-", "recovered",
            ])
        // Within the hour the run before may stand for failures, and so may one that has just ended.
        #expect(
            story([facts(400), facts(400, .completedWithFailures, failed: 2)], from: .failures) == [
                "stream_behind", "-",
            ])
        #expect(story([facts(1, .completedWithFailures, failed: 2)], from: .behind) == ["failures"])
    }

    @Test func theMessageHasItsRunAndSinceWhen() throws {
        let facts = facts(400)
        let alert = try #require(facts.alert(from: .fine, to: .behind, AlertThresholds()))
        #expect(alert.since == Self.noon.addingTimeInterval(-400))
        #expect(alert.run?.trigger == .stream && alert.sync == "orders")
        #expect(AlertKind.streamBehind.rawValue == "stream_behind")
    }
}

@Suite struct ReceiverAlertTests {
    private static let noon = Date(timeIntervalSince1970: 1_800_014_400)

    /// The messages on the way, for the minutes since the latest event; nil: none is known.
    private func story(_ minutes: [Double?], from first: AlertCondition? = nil, limit: Int? = nil) -> [String] {
        var thresholds = AlertThresholds()
        if let limit { thresholds.silentAfterMinutes = limit }
        var reported = first
        return minutes.map { minutes in
            let latest = minutes.map { Self.noon.addingTimeInterval(-60 * $0) }
            let facts = ReceiverAlertFacts(receiver: "engagement", latestAt: latest, now: Self.noon)
            let now = facts.condition(after: reported, thresholds)
            let alert = facts.alert(from: reported, to: now, thresholds)
            reported = now
            if let alert { #expect(alert.receiver == "engagement" && alert.sync == nil && alert.run == nil) }
            if alert?.kind == .receiverSilent { #expect(alert?.since == latest) }
            return alert?.kind.rawValue ?? "-"
        }
    }

    @Test func aReceiverIsSilentOnceAndRecovers() {
        #expect(story([nil, 0, 1439, 1440, 2000, 1]) == ["-", "-", "-", "receiver_silent", "-", "recovered"])
        #expect(
            story([3000, 3000]) == ["receiver_silent", "-"], "also where it was silent before alerts were configured")
        #expect(story([59, 60], limit: 60) == ["-", "receiver_silent"])
    }

    /// Events that retention has deleted are no sign that any came.
    @Test func withoutEventsNothingChanges() {
        #expect(story([nil, 5], from: .silent) == ["-", "recovered"])
        #expect(story([nil, nil], from: .fine) == ["-", "-"])
    }

    @Test func aClockThatWasSetBackIsNoSilence() {
        #expect(story([-600]) == ["-"])
    }

    @Test func theStateIsKeptAsText() {
        #expect(AlertCondition(text: AlertCondition.silent.text) == .silent)
        #expect(AlertState(text: "silent heard=a")?.heardBy == ["a"])
        #expect(AlertSubject.receiver("a") != .sync("a") && AlertSubject.receiver("a").words == "receiver a")
    }
}
