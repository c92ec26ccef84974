import Foundation
import RollcallCore

/// The fewest records that hold a value of each field that Iterable does not have yet. They are sent first, one a request, and the
/// rest only once Iterable has given the fields the types that are meant: a type stays for ever
/// (source: Iterable's help centre, article 26678893969812).
struct Canary {
    /// In the order in which they are sent.
    private(set) var entries: [RecordSpool.Entry] = []
    /// Places of new fields that one of the records has a value of.
    private(set) var covered = FieldBits()
    /// Places of new fields that any record has a value of.
    private(set) var present = FieldBits()

    /// Sets of fields that are looked at: with hundreds of new fields, rows may have as many different ones.
    private static let mostSets = 10_000

    static func choose(_ plan: RecordChanges) throws -> Canary {
        var canary = Canary()
        if plan.newFields.isEmpty { return canary }
        // Of each set of fields, and of those that it shows, the first record that has it, and of several the one that waits least.
        var candidates: [[FieldBits]: Candidate] = [:]
        let reader = plan.spool.makeReader()
        while let entry = try reader.next() {
            guard !entry.newFields.isEmpty, canBeSent(entry, plan) else { continue }
            canary.present.formUnion(entry.newFields)
            let set = [entry.newFields, entry.shownFields]
            guard candidates[set].map({ $0.time > .distantPast }) ?? (candidates.count < mostSets) else { continue }
            let candidate = Candidate(entry: entry, time: plan.deferredUntil(entry) ?? .distantPast)
            if candidate.time < candidates[set]?.time ?? .distantFuture { candidates[set] = candidate }
        }
        let sorted = candidates.values.sorted { $0.entry.fingerprint < $1.entry.fingerprint }
        while let best = sorted.max(by: { canary.isWorse($0, than: $1) }), canary.gain(best.entry) > 0 {
            canary.entries.append(best.entry)
            canary.covered.formUnion(best.entry.newFields)
        }
        return canary
    }

    private struct Candidate {
        var entry: RecordSpool.Entry
        /// Before which it is not sent, as it might cross what was sent before.
        var time: Date
    }

    private func isWorse(_ one: Candidate, than other: Candidate) -> Bool {
        let (gain, otherGain) = (gain(one.entry), gain(other.entry))
        return gain == otherGain ? one.time > other.time : gain < otherGain
    }

    private static func canBeSent(_ entry: RecordSpool.Entry, _ plan: RecordChanges) -> Bool {
        entry.kind == .send && entry.operation.direction == .put && plan.isWanted(entry)
            && plan.verdict(entry) == nil
    }

    /// How many fields a record shows that none of the chosen ones shows; 0 where it has another one whose type it does not show,
    /// for it would be the first to have that.
    private func gain(_ entry: RecordSpool.Entry) -> Int {
        var rest = entry.newFields
        rest.subtract(covered)
        let count = rest.count
        rest.subtract(entry.shownFields)
        return rest.isEmpty ? count : 0
    }

    /// In words, for a plan.
    /// - Parameters:
    ///   - names: of all new fields.
    ///   - shown: places of those of which some row has a value that shows what type is meant.
    /// - Throws: `RunError` `canary_failed` where values of a field are there and none shows what type is meant.
    func words(_ names: [String], shown: FieldBits) throws -> [String] {
        func listed(_ isMeant: (Int) -> Bool) -> String {
            names.indices.filter(isMeant).map { names[$0] }.joined(separator: ", ")
        }
        var missed = present
        missed.subtract(covered)
        var never = missed
        never.subtract(shown)
        // Those that no row shows keep others from being shown, which the same rows have values of.
        if !never.isEmpty { throw Self.notShown(listed(never.contains), never.count) }
        if !missed.isEmpty { throw Self.notShownTogether(listed(missed.contains)) }
        if covered.isEmpty { return [] }
        let records =
            entries.count == 1 ? "one record tries them" : "\(entries.count) records, one after the other, try them"
        return ["fields are made, for ever: \(listed(covered.contains)); \(records)"]
    }

    // MARK: Errors

    /// - Parameter names: of fields of which no value shows Iterable the type, `count` of them.
    static func notShown(_ names: String, _ count: Int) -> RunError {
        RunError(
            code: "canary_failed",
            message: "no row shows Iterable the type of the new \(count == 1 ? "field" : "fields") \(names): the first"
                + " value decides on it for ever",
            hint:
                "A text that looks like a date, a number of type double without a fraction, or an empty object would make a"
                + " field of another type. Make it in Iterable, by hand or with one record of your own.")
    }

    private static func notShownTogether(_ names: String) -> RunError {
        RunError(
            code: "canary_failed",
            message:
                "no row shows Iterable the types of all new fields that it has values of, so that these cannot be made"
                + " first: \(names)",
            hint:
                "Each of their rows also has a text that looks like a date, a number of type double without a fraction, or an"
                + " empty object in another new field, which would get the wrong type for ever: make that field in Iterable, by"
                + " hand or with one record of your own.")
    }
}
