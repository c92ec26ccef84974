import RollcallCore
import Warehouse

extension ProfileOracle {
    /// After a run: what is known as taken was taken.
    func hasEnded() {
        for member in members where member.state == .subscribed {
            guard let record = member.record else { continue }
            // Of what a full run has not sent, the content is forgotten, and not that there was one.
            let isKnown =
                record.content == RecordReference.forgottenContent
                ? acknowledged.contains { $0.hasPrefix("\(record.key) ") }
                : acknowledged.contains("\(record.key) \(record.content)")
            if !isKnown {
                violated("\(record.key) is known as synced and was never acknowledged")
            }
        }
    }

    /// Faults have stopped and one more run has ended: every profile has what its row says, and what others wrote is still there.
    func judgeEnd(_ rows: [Customers.Row], run: String) {
        let meaning = Customers.Meaning(rows, clients, scenario.type)
        for (key, record) in meaning.records.sorted(by: { $0.key < $1.key }) where !record.isAmbiguous {
            judge(record, key, meaning, run: run)
        }
        judgeLeavers(meaning, run: run)
        for (place, note) in profiles.notes where clients.merges {
            if profiles.profiles[place].fields[SimulatedProfiles.foreignField]?.json != note {
                violated("what another system wrote beside our fields is gone")
            }
        }
        oracle.saw("profiles came to rest")
    }

    /// - Parameter run: that says of those who are not there that they are not; nil: it need not.
    func judge(_ record: Customers.Meaning.Record, _ key: String, _ meaning: Customers.Meaning, run: String?) {
        let wanted = record.content
        let names = wanted.names(scenario.type)
        if names.contains(where: mayBeRefused) { return }
        // Of equal records any may stand for the person, and one that names another person than before is not sent.
        let own = members.filter { record.rivals.contains($0.record?.key ?? "") && isKnown($0) }
        let rows = CustomerReadings.Rows(meaning)
        if own.contains(where: { !isSame($0.identity, wanted.identity) && hasClaim($0) }) {
            return judgeUnrenamed(record, key, run: run)
        }
        if record.rivals.contains(where: { isTakenByAnother(wanted, $0, rows, butForRivals: false) }) { return }
        guard let profile = profiles.profile(of: wanted) else {
            if clients.updatesOnly { return judgeUnknown(record, key, run) }
            if !names.contains(where: homeless.contains) { violated("\(key) has no profile: \(wanted.summary)") }
            return
        }
        if !own.contains(where: { $0.state == .subscribed }) { violated("\(key) is there and not known as synced") }
        // Another system may have made one profile of two records.
        let linked = Set(names + own.flatMap { $0.identity.names(scenario.type) })
        if scenario.type == .hybrid && !linked.isSuperset(of: profile.names) {
            return oracle.saw("a profile has an identifier that none of its rows has")
        }
        judge(profile, wanted, key, record.rivals)
    }

    private func judge(
        _ profile: SimulatedProfiles.Profile, _ wanted: ProfileContent, _ key: String, _ rivals: Set<String>
    ) {
        if let email = wanted.email, profile.email != email {
            violated("\(key) has the address \(profile.email ?? "-")")
        }
        if let userID = wanted.userID, profile.userID != userID {
            violated("\(key) has the userId \(profile.userID ?? "-")")
        }
        for field in clients.fields {
            let found = profile.fields[field]
            // Another system has written the field since, or it was there before and the rows leave it empty.
            if let found, found.writer == nil {
                if wanted.values[field] == nil && clients.rule(of: field) == .clear {
                    oracle.saw("another system's field survived")
                }
                continue
            }
            if let json = wanted.values[field] {
                if found?.json != json {
                    violated(
                        "\(field) of \(key) is \(found?.json ?? "missing"), written by \(found?.writer ?? "no run"),"
                            + " and the row says \(json)")
                }
            } else if let found, let writer = found.writer, clients.rule(of: field) != .skip {
                // What was written under another key of the person, or one that the person does not have any more, stays.
                let isOwn = rivals.contains(writer) && (rivals.count == 1 || clients.rule(of: field) == .always)
                if isOwn { violated("\(field) of \(key) is \(found.json), and the row has no value") }
                if !isOwn { oracle.saw("a field that was written under another key stayed") }
            }
        }
    }

    private func mayBeRefused(_ name: String) -> Bool {
        for customer in clients.afflicted.keys
        where name == Customers.email(customer) || name == Customers.userID(customer) {
            return true
        }
        return conflicts.contains(name)
    }
}
