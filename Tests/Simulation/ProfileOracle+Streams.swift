import RollcallCore
import Warehouse

/// What looks of a stream between two sweeps may send, and what they must not leave out.
extension ProfileOracle {
    /// A stream is about to look again: everything of the look before has an outcome.
    func hasLooked(_ node: Node) { readings[node.name]?.end() }

    func judgeLook(
        _ record: RecordReference, _ wanted: ProfileContent, _ meaning: Customers.Meaning, _ run: SyncRun, _ node: Node
    ) {
        guard let readings = readings[node.name], readings.isLook else { return }
        oracle.saw("a look of a stream updates a profile")
        let names = wanted.names(scenario.type)
        guard
            let objection = readings.objection(
                to: record.key, wanted, hash: record.content, names, newest: clients.newest)
        else { return }
        violated("run \(run.id) updates \(record.key) between two sweeps, although \(objection)")
    }

    /// Notes what was sent for certain and not taken: only another content, or a sweep, is sent again.
    func noteRefusals(_ changes: [Change], _ outcomes: [BatchOutcome], _ node: Node) {
        guard clients.streaming != nil else { return }
        let inDoubt = Set(
            members.filter { $0.state == .subscribing || $0.state == .unsubscribing }.compactMap { $0.record?.key })
        for batch in outcomes {
            for change in changes where change.kind == .send && batch.sequences.contains(change.sequence) {
                guard let record = change.record else { continue }
                switch batch.exceptions[change.sequence] {
                case .failed?, .rejected?:
                    guard batch.mayLandUntil == nil, !inDoubt.contains(record.key) else { continue }
                    readings[node.name]?.note(record.key, record.content, isTaken: false)
                case nil, .succeeded?: readings[node.name]?.note(record.key, record.content, isTaken: true)
                case .unknown?, .notAttempted?, .waiting?: break
                }
            }
        }
    }

    /// No fault is left, and no row has changed for a long time: what the looks of a stream decide is in Iterable, also where its
    /// cursor has long gone by.
    func judgeStream(_ rows: [Customers.Row], _ node: Node) {
        guard var readings = readings[node.name] else {
            return violated("the stream of the quiet phase has read nothing")
        }
        readings.end()
        let meaning = Customers.Meaning(rows, clients, scenario.type)
        for (key, record) in meaning.records.sorted(by: { $0.key < $1.key })
        where !record.isAmbiguous && record.rivals.count == 1 {
            if readings.leaves(key, record.content.names(scenario.type)) || meaning.repeated.contains(key) { continue }
            judge(record, key, meaning, run: nil)
        }
        oracle.saw("a stream of users came to rest")
    }
}
