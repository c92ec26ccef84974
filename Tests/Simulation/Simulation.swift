import Foundation
import RollcallCore
import Synchronization

/// The simulation's front door: single histories, and campaigns of many.
package enum Simulation {
    /// Plays the history of a seed.
    package static func play(seed: UInt64, tellsStory: Bool = false) -> Report {
        History.play(Scenario(seed: seed), tellsStory: tellsStory)
    }

    /// Tries every fault at every call of a history that has none, one at a time.
    /// - Returns: how many were tried, and what broke a rule, as `call: fault: rule`.
    static func everySingleFault(_ plain: Scenario) -> (tried: Int, broken: [String]) {
        let undisturbed = History(plain)
        var broken = undisturbed.play().violations
        var tried = 0
        for (key, choices) in undisturbed.faults.asked {
            for fault in choices {
                var scenario = plain
                scenario.chosenFaults = [key: fault]
                tried += 1
                if let rule = History.play(scenario).violations.first { broken.append("\(key): \(fault): \(rule)") }
            }
        }
        return (tried, broken)
    }

    /// Histories without faults, in words: whose calls get every fault, one at a time.
    private static var undisturbed: [(String, Scenario)] {
        let types: [ProjectType] = [.email, .userID, .hybrid]
        var found: [(String, Scenario)] = [("a person of two names", .twoNames()), ("a shared limit", .shared())]
        for type in types {
            found += [Scenario.ListStart.absent, .byID].map { ("a list, \(type), \($0)", .plain(type, list: $0)) }
            found.append(("members with fields, \(type)", .filled(type)))
            found.append(("groups of rows, \(type)", .grouped(type)))
            found.append(("profiles, \(type)", .profiles(type)))
            found.append(("groups of rows of profiles, \(type)", .groupedProfiles(type)))
            found.append(("only people whom Iterable knows, \(type)", .updates(type)))
            found.append(("streamed profiles, \(type)", .streamedProfiles(type)))
        }
        for (type, updates) in [(ProjectType.email, false), (.email, true), (.userID, false), (.hybrid, true)] {
            found.append(("events, \(type), changed rows \(updates)", .events(type, updates: updates)))
        }
        return found
    }

    /// Tries every fault at every call of histories that have none, one at a time, on as many threads as are asked for.
    /// - Returns: how many histories without faults there are, how many faults were tried, and what broke a rule.
    package static func singleFaults(threads: Int) -> (histories: Int, tried: Int, broken: [String]) {
        let scenarios = undisturbed
        let result = Mutex((next: 0, tried: 0, broken: [String]()))
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            while true {
                let place = result.withLock { result in
                    result.next += 1
                    return result.next - 1
                }
                guard scenarios.indices.contains(place) else { return }
                let (name, scenario) = scenarios[place]
                let (tried, broken) = everySingleFault(scenario)
                result.withLock {
                    $0.tried += tried
                    $0.broken += broken.map { "\(name): \($0)" }
                }
            }
        }
        return result.withLock { (scenarios.count, $0.tried, $0.broken.sorted()) }
    }

    /// What a campaign came to.
    package struct Campaign: Sendable {
        package var histories = 0
        package var runs = 0
        package var requests = 0
        package var faults = 0
        package var steps = 0
        /// Simulated seconds.
        package var seconds = 0.0
        /// Histories in which something happened that must never happen, by seed.
        package var broken: [Report] = []
        /// How many histories saw what.
        package var seen: [String: Int] = [:]
        /// Of the seeds that were asked for, in order.
        package var traces: [UInt64: UInt64] = [:]

        /// Everything that a thorough campaign has seen at least once, and this one has not.
        package var unseen: [String] { Simulation.mustBeSeen.filter { seen[$0] == nil }.sorted() }
    }

    /// Plays many histories, on as many threads as are asked for. What it comes to does not depend on their number.
    /// - Parameters:
    ///   - traced: whether the trace of a seed is kept.
    ///   - limit: ends early after so many broken histories.
    package static func campaign(
        _ seeds: Range<UInt64>, threads: Int, limit: Int = 20,
        traced: @escaping @Sendable (UInt64) -> Bool = { _ in false },
        progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) -> Campaign {
        let next = Mutex(seeds.lowerBound)
        let result = Mutex(Campaign())
        let workers = DispatchGroup()
        for _ in 0..<threads {
            workers.enter()
            let thread = Thread {
                defer { workers.leave() }
                while true {
                    let isEnough = result.withLock { $0.broken.count >= limit }
                    let seed = next.withLock { next -> UInt64? in
                        if next >= seeds.upperBound || isEnough { return nil }
                        defer { next += 1 }
                        return next
                    }
                    guard let seed else { return }
                    let report = play(seed: seed)
                    let count = result.withLock { campaign in
                        campaign.add(report, traced: traced(seed))
                        return campaign.histories
                    }
                    if count % 1000 == 0 { progress(count) }
                }
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        workers.wait()
        return result.withLock { campaign in
            campaign.broken.sort { $0.seed < $1.seed }
            return campaign
        }
    }

    /// Faults, states, ends and error codes that a campaign of tens of thousands of histories must have met: a simulation
    /// in which something never happens proves nothing about it.
    static let mustBeSeen: Set<String> = Set(
        Fault.allCases.map { "fault \($0.rawValue)" } + [
            "a process died", "several processes at once", "a lease was taken over", "a run was recovered",
            "a recovered run had sent something", "a run was cancelled", "a process was told to end", "a plan was made",
            "somebody deleted the list", "a second sync was refused the list", "a request is left in doubt",
            "a request was withheld", "a request strayed", "a stray request was noted",
            "notes of stray requests were read",
            "a change waited for a lost request",
            "held, then approve", "held, then discard", "held, then force", "outcome already held", "outcome busy",
            "outcome ran held", "outcome ran succeeded", "outcome ran completed_with_failures", "outcome ran failed",
            "outcome ran cancelled", "outcome ran interrupted", "run held", "run running", "run cancelled",
            "run interrupted", "run failed", "run succeeded", "run completed_with_failures", "error list_not_found",
            "error destination_unavailable", "error lease_lost", "error api_key_refused", "error api_key_forbidden",
            "error list_creation_unknown", "error warehouse_storage", "error warehouse_connection",
            "iterable says forgotten", "iterable says invalid", "iterable says invalidData", "iterable says notFound",
            "iterable says conflict", "record succeeded ", "record failed forgotten", "record failed not_found",
            "record failed conflict", "record failed invalid_data", "record failed email_syntax",
            "record unknown interrupted", "record not_attempted stopped",
            "record succeeded shared_identifier",
            "a person of several rows", "rows went on without an identifier that too many share",
            "record failed identifier_shared", "record succeeded identifier_shared",
            "processes share a limit", "the share of a dead process is used again",
            "error rate_budget_unavailable",
            "all rows were passed over", "some rows were passed over, and others were fetched",
            "all rows of clients were passed over", "some rows of clients were passed over, and others were fetched",
            "all rows of goods were passed over", "some rows of goods were passed over, and others were fetched",
            "fields of a member came to rest", "a field of a member was cleared",
            "a row with fields that cannot be sent", "rows with the same identifiers have different fields",
            "the catalog was deleted", "a catalog came to rest", "a row of a catalog was a duplicate",
            "error catalog_missing", "record failed key_missing", "record failed invalid_item_id",
            "record failed invalid_value", "record failed duplicate_key",
            "an item that was read back was same", "an item that was read back was missing",
            "an item that was read back was differs", "record failed not_verified",
            "a profile was renamed", "the answer to a rename was lost", "not renamed: identity_conflict",
            "a lost rename was looked up that is not wanted any more", "a person who left is to be cleared",
            "a person who left is to be deleted", "people who left were cleared", "people who left were deleted",
            "profiles came to rest", "a null was sent", "a rename was refused",
            "the address of another record was not taken", "a person with two keys",
            "a row of a person was a duplicate", "a record waited for a lost one", "a new field was made",
            "another system's field survived", "record failed identity_changed", "record failed identity_conflict",
            "record succeeded identifier_dropped", "record failed identifier_missing", "error field_unknown",
            "error canary_failed",
            "a stream of users staged something", "a look of a stream updates a profile",
            "a stream of users came to rest",
            "a person whom Iterable did not know gets a profile", "a look-up finds a person",
            "a look-up finds no person",
            "a look-up is refused", "a person whom Iterable does not know is left out",
            "events came to rest", "a cursor of events moved", "a sweep of events", "a sweep found late events",
            "a row in the future was read", "an event was skipped", "an event was discarded",
            "a backfill sends what was skipped", "an event waits for its person",
            "an event waits for the sync of users", "an event waits for a lost one", "a changed event is sent again",
            "an event was replaced", "an event was sent twice under one id", "a row of an event was a duplicate",
            "events were held, then approved", "events were held, then discarded",
            "iterable says notFound of an event", "iterable says disallowed of an event",
            "iterable says forgotten of an event", "record waiting waiting_for_user", "record failed user_not_found",
            "record failed event_name_disallowed", "record failed cursor_null",
            "a stream ended", "a reading was broken off", "a stream was held", "a stream failed",
            "a stream staged something", "a stream of items staged something",
            "a stream took up what waited", "an event was too old for a stream",
            "an event of a stream waits behind another",
        ])
}

extension Simulation.Campaign {
    fileprivate mutating func add(_ report: Report, traced: Bool) {
        histories += 1
        runs += report.runs
        requests += report.requests
        faults += report.faultsAt.count
        steps += report.steps
        seconds += report.seconds
        if !report.violations.isEmpty { broken.append(report) }
        for event in report.seen { seen[event, default: 0] += 1 }
        if traced { traces[report.seed] = report.trace }
    }
}
