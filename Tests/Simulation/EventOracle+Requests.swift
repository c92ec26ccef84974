import Foundation
import RollcallCore

extension EventOracle {
    // MARK: Requests

    func isSent(_ call: EventsCall, number: Int) {
        guard let run = call.node.runID else { return violated("a request without a run") }
        if isHeld.contains(run) { violated("run \(run) sends something, though it is held") }
        judgeNeighbours(call)
        var ids: Set<String> = []
        for write in call.writes {
            if !ids.insert(write.id).inserted { violated("\(write.id) is twice in one request") }
            guard let order = staged[run]?[write.id], order.content == write.content else {
                violated("run \(run) sends what was not staged: \(write.content.summary)")
                continue
            }
            judgeOrder(of: order, call, run)
            judgeDoubts(of: write)
        }
        sent[run, default: []].formUnion(ids)
        inFlight[number] = (call, world.now + .seconds(scenario.timeoutSeconds))
    }

    private func judgeNeighbours(_ call: EventsCall) {
        for (number, other) in inFlight where other.until < world.now && other.call.node.process.isDead {
            inFlight[number] = nil
        }
        for other in inFlight.values {
            if other.call.node !== call.node {
                if !other.call.node.process.isDead && other.until >= world.now {
                    violated("\(call.node.name) sends while a request of \(other.call.node.name) is under way")
                }
                continue
            }
            let people = Set(other.call.writes.map(\.content.person))
            if let write = call.writes.first(where: { people.contains($0.content.person) }) {
                violated("events of \(write.content.person) are in two requests at once")
            }
        }
    }

    /// What comes before an event of the same person was sent, and something is known of it.
    private func judgeOrder(of order: Order, _ call: EventsCall, _ run: String) {
        if waiting[run]?.contains(order.content.person) == true {
            violated("\(order.key) is sent, though an earlier event of the person waits")
        }
        let own = Set(call.writes.map(\.id))
        let earlier = (staged[run] ?? [:]).filter { id, other in
            other.content.person == order.content.person && other.sequence < order.sequence && !other.isDeferred
                && !own.contains(id)
        }
        for (id, other) in earlier.sorted(by: { $0.value.sequence < $1.value.sequence }) {
            if sent[run]?.contains(id) != true { violated("\(order.key) is sent before \(other.key)") }
            if unclear[run]?.contains(id) == true {
                violated("\(order.key) is sent, though nothing is known of \(other.key), which comes before it")
            }
        }
    }

    /// What may still land is followed by nothing else under the same id.
    private func judgeDoubts(of write: EventWrite) {
        for late in events.underWay.values where oracle.isKnown(stray: late.stray) {
            for other in late.writes where other.id == write.id && other.content != write.content {
                violated("\(write.content.summary) is sent while \(other.content.summary) may still land")
            }
        }
    }

    func hasEnded(_ call: EventsCall, number: Int, _ failures: Set<Int>) {
        inFlight[number] = nil
        // Also one that left although its process had lost the lease.
        if let run = call.node.runID { sent[run, default: []].formUnion(call.writes.map(\.id)) }
        for (position, write) in call.writes.enumerated() {
            unvouched[write.id] = failures.contains(position) ? call.refusals[position] ?? "" : nil
        }
    }

    /// It may have been carried out, and no answer says for whom.
    func isUnclear(_ call: EventsCall) {
        everUnclear.formUnion(call.writes.map(\.id))
        if let run = call.node.runID { unclear[run, default: []].formUnion(call.writes.map(\.id)) }
    }

    func isClear(_ call: EventsCall) {
        if let run = call.node.runID { unclear[run]?.subtract(call.writes.map(\.id)) }
    }

    /// An answer that reached its process, and that says of the others that they were taken.
    func isAcknowledged(_ call: EventsCall, except failures: Set<Int>) {
        for (position, write) in call.writes.enumerated() {
            if failures.contains(position) {
                noteAbsence(of: write, call.refusals[position], call.node)
                continue
            }
            vouched[write.id, default: []].insert(write.content)
            if (taken[write.id]?.order ?? 0) < call.order { taken[write.id] = (call.order, write.content) }
        }
    }

    /// An event that has not waited long enough to be given up waits, and those after it wait as well.
    private func noteAbsence(of write: EventWrite, _ refusal: String?, _ node: Node) {
        guard refusal == SimulatedEvents.notFound, let run = node.runID, let key = keys[write.id] else { return }
        // A name that is not taken says more than a person who is not known.
        if hasWaited(key) || tracks.disallowed.contains(write.content.name) { return }
        waiting[run, default: []].insert(write.content.person)
    }

    // MARK: What Iterable does with them

    /// - Parameter old: what was there until now.
    func isCarriedOut(_ write: EventWrite, instead old: SimulatedEvents.Stored?, _ call: EventsCall) {
        let isStray = call.stray != nil || oracle.isUnknowing
        if isStray, let key = keys[write.id] { stale.insert(key) }
        guard let old else {
            if !isStray { judgeArrival(of: write, call) }
            return
        }
        oracle.saw("an event was sent twice under one id")
        guard old.content != write.content else { return }
        let key = keys[write.id] ?? ""
        if tracks.updates {
            oracle.saw("an event was replaced")
        } else if !isStray && backfilled.union(discarded).union(retried).isDisjoint(with: [key]) {
            violated("\(key) is replaced, though changed rows are ignored")
        }
    }

    /// The first time, events of a person are carried out in their order, unless an answer was lost or something was
    /// refused.
    private func judgeArrival(of write: EventWrite, _ call: EventsCall) {
        guard let run = call.node.runID, let order = staged[run]?[write.id] else { return }
        for (id, other) in staged[run] ?? [:]
        where other.content.person == order.content.person && other.sequence < order.sequence && !other.isDeferred {
            if events.events[id] != nil || everUnclear.contains(id) || unvouched[id] != nil { continue }
            // Not taken in this very request.
            if call.writes.contains(where: { $0.id == id && events.refusal(of: $0.content) != nil }) { continue }
            violated("\(order.key) is carried out before \(other.key)")
        }
    }

    /// A request comes late. One that no run knew of may undo what was taken since.
    func lands(_ call: EventsCall) {
        everUnclear.formUnion(call.writes.map(\.id))
        if call.stray != nil || oracle.isUnknowing { return }
        for write in call.writes {
            guard let last = taken[write.id], last.order > call.order, last.content != write.content else { continue }
            violated("\(write.content.summary) lands after \(last.content.summary) was taken")
        }
    }
}
