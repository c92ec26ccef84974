import RollcallCore

/// Finds the outcome of each event of a request in the answer to trackBulk.
///
/// A reason belongs to a person or to a name, never to one event: it is that of all events of the person, or of the
/// name, in the request. So each event has its outcome where as many failures are counted as have a reason.
enum EventFailures {
    static func answer(_ answer: EventCounts, events: [EventsRequest.Event], status: Int) -> DeliveryAnswer {
        let counts = answer.counts
        let reasons = EventReasons(answer, events)
        if reasons.agree(with: counts) {
            let outcomes = reasons.failures.map { $0?.outcome(of: .track, status: status) ?? .succeeded }
            return .answered(outcomes, httpStatus: status, leftOut: counts.filteredOutFields)
        }
        if events.count == 1, counts.successCount == 0, counts.failCount > 0 {
            let reason = "Iterable refused this event without saying why."
            let outcome = RecordOutcome.failed(
                FailureReason(code: "unspecified", reason: reason, httpStatus: status))
            return .answered([outcome], httpStatus: status, leftOut: counts.filteredOutFields)
        }
        return .ambiguous(
            PartialFailures.mismatch(counts, named: reasons.count, of: events.count, "events", status: status))
    }
}

/// Why events of a request failed.
private struct EventReasons {
    /// Of each event, in order.
    let failures: [NamedFailure?]
    /// How many events have a reason.
    let count: Int
    /// How many of them belong to a person who is named.
    let countByPerson: Int

    init(_ answer: EventCounts, _ events: [EventsRequest.Event]) {
        let people = FailureIndex(answer.named)
        let disallowed = Set(answer.disallowedNames.map { Array($0.utf8) })
        var named = 0
        failures = events.map { event in
            let ofPerson = people.failure(of: event.identity)
            if ofPerson != nil { named += 1 }
            let ofName: NamedFailure? = disallowed.contains(Array(event.name.utf8)) ? .disallowedName : nil
            return [ofPerson, ofName].compactMap(\.self).max()
        }
        count = failures.reduce(0) { $1 == nil ? $0 : $0 + 1 }
        countByPerson = named
    }

    /// Whether the counts leave no failure without a reason. Iterable does not say whether events of a name that it
    /// does not take count as failures, so both readings do. Where every event has a reason, counts can add nothing.
    func agree(with counts: DeliveryCounts) -> Bool {
        if count == failures.count { return true }
        return counts.successCount + counts.failCount == failures.count
            && (counts.failCount == countByPerson || counts.failCount == count)
    }
}
