import Foundation
import RollcallCore
import SyncEngine
import Warehouse

/// What must never happen to a catalog, and what must be so in the end. It looks at rows, requests and stored accounts.
final class CatalogOracle {
    private let oracle: Oracle
    private let world: World
    private let scenario: Scenario
    private let catalog: SimulatedCatalog
    private let store: MemoryWarehouse

    private var reading: [String: Products.Meaning] = [:]
    private var readingOfRun: [String: Products.Meaning] = [:]
    /// Operations and items of a run, with the titles of what is put.
    private var staged: [String: [String: String]] = [:]
    private var removedInRun: [String: Set<String>] = [:]
    private var approved: Set<String> = []
    private var everOurs: Set<String> = []
    private var inFlight: [Int: (call: CatalogCall, until: Duration)] = [:]
    /// When Iterable accepted the last put and the last deletion of an item.
    private var accepted: [String: Duration] = [:]
    private var acknowledged: Set<String> = []
    var guardsAreOn = true
    /// False once the catalog was deleted in Iterable.
    private var othersItemsAreSafe = true

    init(_ oracle: Oracle, _ world: World, _ scenario: Scenario, _ catalog: SimulatedCatalog, _ store: MemoryWarehouse)
    {
        self.oracle = oracle
        self.world = world
        self.scenario = scenario
        self.catalog = catalog
        self.store = store
    }

    func violated(_ rule: String) { oracle.violated("catalog: \(rule)") }

    func hasLostItsCatalog() { othersItemsAreSafe = false }

    // MARK: While a run goes on

    func hasRead(_ rows: [Products.Row], _ node: Node) { reading[node.name] = Products.meaning(of: rows) }

    func hasApproved(_ run: String) { approved.insert(run) }

    func hasClaimed(_ changes: [Change]) {
        for change in changes where change.operation == .put { everOurs.insert(change.record?.itemID ?? "") }
    }

    func hasStaged(_ run: SyncRun, _ changes: [Change], _ node: Node) {
        guard let meaning = reading[node.name] else { return violated("run \(run.id) is staged without a reading") }
        readingOfRun[run.id] = meaning
        var orders: [String: String] = [:]
        for change in changes where change.kind == .send {
            let item = change.record?.itemID ?? ""
            let title = Self.title(change.payload)
            if orders.updateValue(title, forKey: "\(change.operation) \(item)") != nil
                || (orders.keys.count { $0.hasSuffix(" \(item)") }) > 1
            {
                violated("run \(run.id) has two changes for \(item)")
            }
            if change.operation == .put, meaning.wanted[item] != title {
                violated("run \(run.id) puts \(item)=\(title), but the rows say \(meaning.wanted[item] ?? "nothing")")
            }
            if change.operation == .delete, meaning.standing.contains(item) {
                violated("run \(run.id) deletes \(item), of which there is a row")
            }
        }
        staged[run.id, default: [:]].merge(orders) { $1 }
        // Each sweep of a stream is judged by itself; its counts are those of all looks of its row.
        removedInRun[run.id] = nil
        if run.trigger == .stream, run.status != .held { return }
        let counts = run.counts
        if counts.rowsRead != meaning.rows || counts.invalid != meaning.invalid
            || counts.duplicates != meaning.duplicates || counts.audience != meaning.wanted.count
        {
            violated(
                "run \(run.id) counts \(counts.short), but of \(meaning.rows) rows \(meaning.invalid) are invalid,"
                    + " \(meaning.duplicates) are duplicates and \(meaning.wanted.count) are records")
        }
        if meaning.duplicates > 0 { oracle.saw("a row of a catalog was a duplicate") }
    }

    private static func title(_ payload: [UInt8]?) -> String {
        guard let payload, let object = try? JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any] else {
            return ""
        }
        return object["title"].map { "\($0)" } ?? ""
    }

    func isSent(_ call: CatalogCall, number: Int) {
        guard let run = call.node.runID else { return violated("a request without a run") }
        for (number, other) in inFlight where other.until < world.now && other.call.node.process.isDead {
            inFlight[number] = nil
        }
        for (item, title) in call.items {
            if staged[run]?["\(call.operation) \(item)"] != title {
                violated("run \(run) sends what was not staged: \(item)")
            }
            if inFlight.values.contains(where: { $0.call.items[item] != nil && $0.call.node === call.node }) {
                violated("\(item) is in two requests at once")
            }
            judgeOrder(call, item, title)
            if call.operation == .delete { judgeDeletion(item, run) }
        }
        inFlight[number] = (call, world.now + .seconds(scenario.timeoutSeconds))
    }

    /// What may still land, or was accepted just now, is not crossed by something else.
    private func judgeOrder(_ call: CatalogCall, _ item: String, _ title: String) {
        for late in catalog.underWay.values where late.items[item] != nil && oracle.isKnown(stray: late.stray) {
            if late.operation != call.operation || (call.operation == .put && late.items[item] != title) {
                violated("\(call.operation) \(item)=\(title) is sent while \(late.summary) may still land")
            }
        }
        let opposite = call.operation == .put ? RollcallCore.Operation.delete : .put
        guard let at = accepted["\(opposite) \(item)"],
            at + .seconds(scenario.settleSeconds) > world.now + .milliseconds(50)
        else {
            return
        }
        if oracle.isUnknowing { return }
        violated("\(call.operation) \(item) is sent right after its opposite was accepted")
    }

    private func judgeDeletion(_ item: String, _ run: String) {
        let meaning = readingOfRun[run] ?? Products.Meaning()
        if meaning.standing.contains(item) { violated("\(item) is deleted, though there is a row of it") }
        if !everOurs.contains(item) { violated("\(item) is deleted, though it is not ours") }
        if scenario.goods?.mirrors != true { violated("\(item) is deleted, though the sync does not mirror") }
        removedInRun[run, default: []].insert(item)
        guard guardsAreOn, !approved.contains(run) else { return }
        if case .count(let limit)? = scenario.goods?.maxRemovals, removedInRun[run]?.count ?? 0 > limit {
            violated("run \(run) deletes more than \(limit) without approval")
        }
        if scenario.goods?.allowEmpty == false && meaning.wanted.isEmpty {
            violated("run \(run) deletes items although the source is empty")
        }
    }

    func hasEnded(number: Int) { inFlight[number] = nil }

    func isCarriedOut(_ call: CatalogCall) {
        for item in call.items.keys { accepted["\(call.operation) \(item)"] = world.now }
    }

    func isAccepted(_ call: CatalogCall) {
        guard call.operation == .put else { return }
        for (item, title) in call.items { acknowledged.insert("\(item)=\(title)") }
    }

    // MARK: In the end

    private var records: [MemoryWarehouse.Record] { store.records(of: "goods") }

    /// After a run: what is known as acknowledged was acknowledged.
    func hasEnded() {
        for record in records where record.state == .subscribed {
            if !acknowledged.contains(where: { $0.hasPrefix(record.item + "=") }) {
                violated("\(record.item) is known as synced and was never acknowledged")
            }
        }
    }

    /// Faults have stopped and one more run has ended: the catalog is what the rows say, others' items aside.
    func judgeEnd(_ rows: [Products.Row]) {
        let meaning = Products.meaning(of: rows)
        for (item, title) in meaning.wanted {
            if catalog.items[item] != title {
                violated("\(item) is \(catalog.items[item] ?? "missing"), and the row says \(title)")
            }
            if !records.contains(where: { $0.item == item && $0.state == .subscribed }) {
                violated("\(item) is there and not known as synced")
            }
        }
        for item in catalog.items.keys where item != SimulatedCatalog.foreign && !meaning.standing.contains(item) {
            if scenario.goods?.mirrors == true { violated("\(item) is still there") }
        }
        if scenario.goods?.startsThere == true && othersItemsAreSafe && catalog.items[SimulatedCatalog.foreign] == nil {
            violated("an item of others is gone")
        }
        oracle.saw("a catalog came to rest")
    }
}
