import Testing

@testable import RollcallCore

/// When a plan of events is held.
@Suite struct EventGuardTests {
    private func counts(planned: Int = 0, invalid: Int = 0, rowsRead: Int = 100) -> RunCounts {
        var counts = RunCounts()
        (counts.planned.track, counts.invalid, counts.rowsRead) = (planned, invalid, rowsRead)
        return counts
    }

    private func findings(
        _ counts: RunCounts, old: Int = 0, possiblySent: Int = 0, _ adjust: (inout GuardSettings) -> Void = { _ in }
    ) -> [GuardFinding] {
        var guards = GuardSettings()
        adjust(&guards)
        return GuardJudge.judge(
            guards, events: counts, new: counts.planned.track, old: old, possiblySent: possiblySent)
    }

    @Test func withoutGuardsOnlyForgottenKeysHoldAPlan() {
        #expect(findings(counts(planned: 1_000_000, invalid: 100), old: 5).isEmpty)
        #expect(
            findings(counts(planned: 5), possiblySent: 3) == [
                GuardFinding(guard: "backfill", limit: "0", observed: "3")
            ])
    }

    @Test func anEmptySourceIsNoDrasticPlan() {
        #expect(findings(counts(rowsRead: 0)) { $0.maxInvalid = 20 }.isEmpty)
    }

    @Test(arguments: [(100, 100, false), (101, 100, true), (1, 0, true), (0, 0, false)])
    func eventsAreCounted(_ planned: Int, _ limit: Int, _ isHeld: Bool) {
        let found = findings(counts(planned: planned)) { $0.maxEvents = limit }
        #expect(
            found == (isHeld ? [GuardFinding(guard: "max_events", limit: "\(limit)", observed: "\(planned)")] : []))
    }

    @Test func oldEventsHoldAPlanHoweverFewTheyAre() {
        #expect(
            findings(counts(planned: 5), old: 1) { $0.maxAgeSeconds = 604_800 } == [
                GuardFinding(guard: "max_age", limit: "7d", observed: "1")
            ])
        #expect(findings(counts(planned: 5), old: 0) { $0.maxAgeSeconds = 0 }.isEmpty)
    }

    @Test(arguments: [(20, 100, false), (21, 100, true), (1, 4, true), (1, 5, false), (0, 0, false), (1, 1, true)])
    func invalidRowsAreAShareOfThoseRead(_ invalid: Int, _ rowsRead: Int, _ isHeld: Bool) {
        let found = findings(counts(invalid: invalid, rowsRead: rowsRead)) { $0.maxInvalid = 20 }
        #expect(found.map(\.guard) == (isHeld ? ["max_invalid"] : []))
    }

    @Test func allGuardsThatAPlanRunsIntoAreSaid() {
        let found = findings(counts(planned: 5, invalid: 30), old: 2, possiblySent: 1) {
            ($0.maxEvents, $0.maxAgeSeconds, $0.maxInvalid) = (4, 3600, 20)
        }
        #expect(found.map(\.guard) == ["max_events", "max_age", "backfill", "max_invalid"])
        let clauses = found.map { $0.clause(.events) }
        #expect(clauses[0] == "it would send 5 events, and guards.max_events allows 4")
        #expect(clauses[1].contains("2 events that happened longer ago than 1h"))
        #expect(clauses[2].contains("1 event from before the time of which Rollcall knows what it sent"))
        #expect(clauses[3] == "30% (30 of 100) of the rows are invalid, and guards.max_invalid allows 20%")
    }

    @Test(arguments: ["max_events", "max_age", "backfill"])
    func oneEventIsNotSeveral(_ name: String) {
        func clause(_ observed: String) -> String {
            GuardFinding(guard: name, limit: "0", observed: observed).clause(.events)
        }
        #expect(clause("1").hasPrefix("it would send 1 event ") || clause("1").hasPrefix("it would send 1 event,"))
        #expect(clause("11").hasPrefix("it would send 11 events"))
    }

    /// Guards of other kinds have no say.
    @Test func thereAreNoRemovals() {
        #expect(
            findings(counts(planned: 5)) {
                ($0.maxRemovals, $0.maxChanges, $0.maxIdentityChanges) = (.count(0), 0, 0)
            }.isEmpty)
    }

    @Test(arguments: [
        (604_800, "7d"), (86_400, "1d"), (90_000, "25h"), (3600, "1h"), (5400, "90m"), (60, "1m"), (61, "61s"),
        (1, "1s"), (0, "0s"),
    ])
    func aSpanIsWrittenAsTheConfigurationHasIt(_ seconds: Int, _ text: String) {
        #expect(TimeSpan.text(seconds) == text)
    }
}
