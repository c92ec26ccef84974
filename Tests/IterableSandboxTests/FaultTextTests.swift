import Testing

@testable import IterableSandbox

@Suite("Fault texts")
struct FaultTextTests {
    static let good: [(String, Fault)] = [
        ("500:p=0.1", Fault(.status(500), trigger: .probability(0.1))),
        ("429:nth=3,retry-after=2", Fault(.status(429), trigger: .nth(3), retryAfterSeconds: 2)),
        ("drop-before", Fault(.dropBefore)), ("drop-after:count=2", Fault(.dropAfter, limit: 2)),
        (
            "late-apply:seconds=5,p=0.02,op=subscribe",
            Fault(.lateApply, trigger: .probability(0.02), target: .subscribe, seconds: 5)
        ),
        ("stall:seconds=0.5,apply=no", Fault(.stall, seconds: 0.5, applies: false)),
        ("truncated:op=unsubscribe", Fault(.truncated, target: .unsubscribe)),
        ("html:path=/api/users", Fault(.html, target: .pathPrefix("/api/users"))),
        ("empty:op=any", Fault(.empty, target: .any)), ("wrong-types:op=list", Fault(.wrongTypes)),
        ("502:apply=yes", Fault(.status(502), applies: true)),
        ("duplicate:p=0.3", Fault(.duplicate, trigger: .probability(0.3))), ("reorder", Fault(.reorder)),
        ("drop:nth=2", Fault(.drop, trigger: .nth(2))),
        ("retry-on-5xx:seconds=0.5,count=3", Fault(.retryOn5xx, limit: 3, seconds: 0.5)),
        (
            "accept-only:nth=2,path=/api/catalogs",
            Fault(.acceptOnly, trigger: .nth(2), target: .pathPrefix("/api/catalogs"))
        ),
    ]

    @Test("Texts are read and written back", arguments: good)
    func parse(_ text: String, _ expected: Fault) throws {
        let fault = try Fault(parsing: text)
        #expect(fault == expected)
        #expect(try Fault(parsing: fault.description) == expected)
    }

    @Test(
        "Faulty texts are refused with the faulty part",
        arguments: [
            ("", "Unknown fault"), ("200", "Unknown fault"), ("boom:p=1", "boom"), ("500:", "OPTION=VALUE"),
            ("500:p", "OPTION=VALUE"), ("500:p=2", "p=2"), ("500:p=x", "p=x"), ("500:nth=0", "nth=0"),
            ("500:count=0", "count=0"), ("500:p=1,nth=2", "exclude"), ("500:p=1,p=1", "twice"),
            ("500:seconds=1", "wait"), ("stall:seconds=-1", "seconds=-1"), ("drop-after:apply=no", "apply"),
            ("accept-only:apply=yes", "apply"),
            ("500:apply=maybe", "apply=maybe"), ("html:retry-after=1", "retry-after"), ("500:op=delete", "op=delete"),
            ("drop:op=any", "webhook"), ("duplicate:path=/api", "webhook"), ("reorder:seconds=1", "wait"),
            ("retry-on-5xx:apply=no", "webhook"), ("drop:retry-after=1", "webhook"),
            ("500:path=users", "path=users"), ("500:color=red", "color"), ("500:op=any,path=/api", "exclude"),
        ])
    func refuse(_ text: String, _ part: String) throws {
        let error = #expect(throws: FaultTextError.self) { try Fault(parsing: text) }
        #expect(error?.description.contains(part) == true)
    }

    @Test("Rules count matching requests, keep their limits, and the first that fires wins")
    func plan() {
        var plan = FaultPlan([
            Fault(.status(500), trigger: .nth(2), target: .subscribe), Fault(.dropAfter, limit: 2),
        ])
        var generator = SeededGenerator(seed: 1)
        let paths = ["subscribe", "unsubscribe", "subscribe", "subscribe", "getUsers"]
        let kinds = paths.map { plan.next(path: "/api/lists/\($0)", using: &generator)?.kind }
        #expect(kinds == [.dropAfter, .dropAfter, .status(500), nil, nil])
        #expect(plan.active.map(\.happened) == [1, 2])
    }

    @Test("The same seed gives the same faults, and about as many as asked for")
    func probability() {
        func count(_ seed: UInt64) -> [Int] {
            var plan = FaultPlan([Fault(.dropAfter, trigger: .probability(0.25))])
            var generator = SeededGenerator(seed: seed)
            return (0..<1000).filter { _ in plan.next(path: "/api/lists/subscribe", using: &generator) != nil }
        }
        #expect(count(7) == count(7))
        #expect(count(7) != count(8))
        #expect((150..<350).contains(count(7).count))
    }
}
