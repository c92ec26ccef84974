import RollcallCore
import Testing

@Suite struct GuardClauseTests {
    @Test func aFindingSaysWhatThePlanWouldDoAndWhatIsAllowed() {
        let removals = GuardFinding(guard: "max_removals", limit: "25%", observed: "40% (400 of 1000)")
        #expect(
            removals.clause(.list) == "it would remove 40% (400 of 1000) members, and guards.max_removals allows 25%")
        let empty = GuardFinding(guard: "allow_empty", limit: "false", observed: "0")
        #expect(empty.clause(.list) == "the audience has no valid row, and guards.allow_empty is false")
    }
}
