import Foundation
import RollcallCore
import SeededRandom
import SyncEngine
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Seeded histories: people come, go and change their address while requests are lost, land late or are refused, and the
/// warehouse goes away in the middle of runs. Then the faults stop, and one more run must put everything right.
@Suite struct HistoryTests {
    @Test(arguments: 1...40)
    func emailProjects(seed: Int) async throws { try await history(.email, seed: seed) }

    @Test(arguments: 1...40)
    func hybridProjects(seed: Int) async throws { try await history(.hybrid, seed: seed) }

    private func history(_ type: ProjectType, seed: Int) async throws {
        let world = try await World(type, seed: UInt64(seed))
        for _ in 0..<world.dice.between(3, 6) {
            world.moveAudience()
            try await world.bench.setAudience(world.rows)
            world.startFaults()
            try await world.runWithFaults()
            world.bench.clock.advance(by: .seconds(world.dice.between(0, 90)))
        }
        world.stopFaults()
        // A process that died while it made the list is given the time in which the list may still appear.
        try await world.bench.fixture.execute(
            """
            UPDATE \(world.bench.fixture.state("sync_state")) SET list_created_at = '2020-01-01T00:00:00.000Z'
             WHERE list_id IS NULL
            """)
        try await world.bench.setAudience(world.rows)
        let last = try await world.bench.run(world.patientRequest)
        #expect(last.status == .succeeded, "seed \(seed): \(last)")
        world.bench.clock.advance(by: .seconds(200))
        #expect(world.listed == world.expected, "seed \(seed)")
        #expect(world.violations.isEmpty, "seed \(seed): \(world.violations)")
        let idle = try await world.bench.run()
        #expect(idle.requests.sent == 0, "seed \(seed): a second run on an unchanged audience sent something")
        let open = try await world.bench.fixture.query(
            "SELECT run_id FROM \(world.bench.fixture.state("sync_runs")) WHERE status IN ('running', 'queued')")
        #expect(open.isEmpty, "seed \(seed): a run was left running")
    }
}

/// Numbers from a seed, for several tasks.
private final class Dice: Sendable {
    private let numbers: Mutex<SeededGenerator>

    init(_ seed: UInt64) { numbers = Mutex(SeededGenerator(seed: seed &* 0x9e37_79b9_7f4a_7c15)) }

    func next() -> UInt64 { numbers.withLock { $0.next() } }

    func between(_ low: Int, _ high: Int) -> Int { low + Int(next() % UInt64(high - low + 1)) }
    func chance(_ percent: Int) -> Bool { between(1, 100) <= percent }
}

/// The independent model: who should be on the list, and what no request may ever ask for.
private final class World: Sendable {
    struct Person: Sendable {
        var isIn = false
        /// Grows when the person changes the address.
        var version = 0
        /// Hybrid projects: whether the row carries the userId, the email, or both.
        var hasEmail = true
        var hasUserID = true
    }

    let bench: Bench
    let dice: Dice
    private let type: ProjectType
    private let people: Mutex<[Person]>
    private let everSent = Mutex<Set<String>>([])
    private let found = Mutex<[String]>([])
    private static let foreign = "foreign@example.com"

    var violations: [String] { found.withLock { $0 } }

    init(_ type: ProjectType, seed: UInt64) async throws {
        self.type = type
        dice = Dice(seed)
        let isNew = Dice(seed &+ 99).chance(50)
        let list = RemoteList(id: 1, name: "VIP", listType: "Standard")
        bench = try await Bench(type, list: isNew ? nil : list) { sync, destination in
            sync.guards.maxRemovals = .percent(100)
            sync.guards.allowEmpty = true
            destination.limits.subscribersPerRequest = 4
            destination.limits.concurrentRequests = 3
        }
        var people = [Person](repeating: Person(), count: 24)
        if type == .hybrid {
            for index in people.indices {
                people[index].hasEmail = !dice.chance(20)
                people[index].hasUserID = !people[index].hasEmail || !dice.chance(30)
            }
        }
        self.people = Mutex(people)
        bench.iterable.addForeign(Identity(email: World.foreign, userID: nil), to: isNew ? 101 : 1)
    }

    private func identity(_ index: Int, _ person: Person) -> Identity {
        let hasUserID = type == .hybrid && person.hasUserID
        // Without a userId the address is the person: a new one would be somebody else.
        let version = hasUserID ? person.version : 0
        return Identity(
            email: type == .email || person.hasEmail ? "p\(index)v\(version)@example.com" : nil,
            userID: hasUserID ? "u\(index)" : nil)
    }

    private var present: [Identity] {
        people.withLock { people in
            people.enumerated().filter { $0.element.isIn }.map { identity($0.offset, $0.element) }
        }
    }

    /// The audience's rows; some twice, in other spellings.
    var rows: [String] {
        present.flatMap { identity -> [String] in
            let row = "\(identity.email ?? "-")/\(identity.userID ?? "-")"
            guard let email = identity.email, email.hasPrefix("p1") else { return [row] }
            return [row, " \(email.uppercased()) /\(identity.userID ?? "-")"]
        }
    }

    /// By the userId where there is one: which address a profile ends up with is Iterable's business.
    var expected: Set<String> { Set(present.compactMap { $0.userID ?? $0.email } + [World.foreign]) }

    var listed: Set<String> {
        Set(
            bench.iterable.members().compactMap { member in
                let parts = member.split(separator: "/").map(String.init)
                return parts[1] == "-" ? parts[0] : parts[1]
            })
    }

    func moveAudience() {
        people.withLock { people in
            for index in people.indices {
                if dice.chance(35) { people[index].isIn.toggle() }
                if dice.chance(10) { people[index].version += 1 }
            }
        }
    }

    // MARK: Faults

    func startFaults() {
        let wanted = Set(present.flatMap { [$0.email, $0.userID].compactMap(\.self) })
        let level = dice.between(0, 60)
        bench.iterable.setFate { [self] request, _ in
            check(request, wanted)
            guard dice.chance(level) else { return .ok }
            return fate(for: request)
        }
    }

    func stopFaults() {
        let wanted = Set(present.flatMap { [$0.email, $0.userID].compactMap(\.self) })
        bench.iterable.setFate { [self] request, _ in
            check(request, wanted)
            return .ok
        }
    }

    private func fate(for request: ListRequest) -> FakeIterable.Fate {
        let reason = FailureReason(code: "fault", reason: "on purpose", httpStatus: 500)
        switch dice.between(1, 9) {
        case 8:
            // Carried out, but counted so that nobody can say for whom.
            return .unclear(FailureReason(code: "counts_mismatch", reason: "on purpose", httpStatus: 200))
        case 9: return request.subscribers.count > 1 ? .answer(.refused(reason)) : .ok
        case 1: return .loseBefore
        case 2: return .loseAfter
        case 3: return .late(.seconds(dice.between(1, 55)))
        case 4: return .answer(.retry(reason, after: nil, mayHaveBeenApplied: true, cause: .trouble))
        case 5: return .answer(.retry(reason, after: .seconds(3), mayHaveBeenApplied: false, cause: .rateLimit))
        case 6: return .answer(.refused(reason))
        default:
            // A refusal for this time only; a removal that is refused stays to be done.
            guard let one = request.subscribers.first, let name = one.email ?? one.userID else { return .ok }
            return .refuse([name: .failed(reason)])
        }
    }

    /// No removal of somebody wanted, no removal of somebody whom we never sent.
    private func check(_ request: ListRequest, _ wanted: Set<String>) {
        for identity in request.subscribers {
            let names = [identity.email, identity.userID].compactMap(\.self)
            if request.operation == .subscribe {
                everSent.withLock { $0.formUnion(names) }
            } else {
                if names.contains(where: wanted.contains) {
                    found.withLock { $0.append("removed, though wanted: \(names)") }
                }
                if !everSent.withLock({ sent in names.allSatisfy(sent.contains) }) {
                    found.withLock { $0.append("removed, though not ours: \(names)") }
                }
            }
        }
    }

    /// A run that may lose its warehouse at some write, as a process that dies there.
    func runWithFaults() async throws {
        let writes = dice.chance(40) ? dice.between(0, 12) : .max
        let warehouse = FailingWarehouse(bench.fixture.warehouse, writes: writes, after: dice.chance(50)) { claimed in
            // A process that dies right here may have sent them, for all that the next one knows.
            let names = claimed.filter { $0.operation == .subscribe }.flatMap {
                [$0.identity.email, $0.identity.userID]
            }
            self.everSent.withLock { $0.formUnion(names.compactMap(\.self)) }
        }
        _ = await bench.pipeline(stop: StopSignal(), warehouse: warehouse, holder: World.deadHolder).run(RunRequest())
    }

    /// Sends everybody again whom Iterable refused in the meantime.
    var patientRequest: RunRequest {
        var request = RunRequest()
        request.retryRejected = true
        return request
    }

    /// A process of this machine that no longer lives, so that its lease is free at once.
    private static let deadHolder: Holder = {
        var parts = Holder.current.text.split(separator: " ").map(String.init)
        parts[3] = "999999"
        return Holder(text: parts.joined(separator: " "))
    }()
}
