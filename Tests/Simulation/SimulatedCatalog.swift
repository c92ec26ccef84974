import Foundation
import IterableProtocol
import RollcallCore

/// One catalog of Iterable. Writes are accepted at once and carried out later: those of one kind in their order, puts and
/// deletions each at a pace of their own.
final class SimulatedCatalog {
    private let world: World
    private let settleMilliseconds: Int
    private var dice: Dice
    private(set) var isThere = false
    private(set) var types: [String: String] = [:]
    /// Documents by item.
    private(set) var items: [String: String] = [:]
    /// Requests that were given up on their way and may still arrive, by number.
    private(set) var underWay: [Int: CatalogCall] = [:]
    private var number = 0
    /// When the last write of an item that was accepted will be carried out.
    private var due: [String: Duration] = [:]
    /// Whether some puts are accepted and never carried out.
    var losesItems: Bool
    /// Items of which that has happened, each once.
    private var lost: Set<String> = []
    private var lossDice: Dice

    static let name = "goods"
    static let foreign = "foreign-1"

    init(_ scenario: Scenario, _ world: World) {
        self.world = world
        settleMilliseconds = max(1, Int(scenario.settleSeconds * 1000))
        dice = Dice(scenario.seed, "catalog service")
        losesItems = scenario.goods?.verifies == true
        lossDice = Dice(scenario.seed, "catalog losses")
        if scenario.goods?.startsThere == true {
            isThere = true
            items[Self.foreign] = "{}"
        }
    }

    var fields: [RemoteField]? {
        isThere ? types.sorted { $0.key < $1.key }.map { RemoteField(name: $0.key, type: $0.value) } : nil
    }

    /// False: it is there already.
    func create() -> Bool {
        defer { isThere = true }
        return !isThere
    }

    func setTypes(_ fields: [RemoteField]) {
        guard isThere else { return }
        for field in fields { types[field.name] = types[field.name] ?? field.type }
    }

    /// What a look at an item finds.
    func look(at item: CatalogRequest.Item) -> ItemFinding {
        guard let found = items[item.id] else { return .missing }
        let document = (try? JSONSerialization.jsonObject(with: Data(item.document))) as? [String: Any]
        return found == document?["title"].map { "\($0)" } ?? "" ? .same : .differs
    }

    func delete() {
        (isThere, types, items) = (false, [:], [:])
    }

    func landLater(_ call: CatalogCall, after delay: Duration) {
        number += 1
        let number = number
        underWay[number] = call
        world.after(delay) { [self] in
            underWay[number] = nil
            world.note(nil, "a request that was given up lands: \(call.summary)")
            // It has used its time up: it is carried out at once.
            if isThere { apply(call.operation, call.items) }
        }
    }

    /// 202: it is carried out within the time that a request settles in.
    func accept(_ operation: RollcallCore.Operation, _ items: [String: String]) {
        let isDelayed = dice.chance(50)
        let delay = isDelayed ? dice.milliseconds(0, settleMilliseconds) : .zero
        for (id, document) in items.sorted(by: { $0.key < $1.key }) {
            if losesItems, operation == .put, lossDice.chance(10), lost.insert(id).inserted { continue }
            let key = "\(operation) \(id)"
            let at = max(world.now + delay, due[key] ?? .zero)
            due[key] = at
            if at <= world.now {
                apply(operation, [id: document])
            } else {
                world.after(at - world.now) { [self] in if isThere { apply(operation, [id: document]) } }
            }
        }
    }

    private func apply(_ operation: RollcallCore.Operation, _ items: [String: String]) {
        for (id, document) in items { self.items[id] = operation == .put ? document : nil }
    }
}

/// A request that puts items of the catalog or deletes them.
final class CatalogCall: SimulatedCall {
    let operation: RollcallCore.Operation
    /// Documents by item, as the body has them.
    let items: [String: String]
    var stray: Int?
    let node: Node
    private let catalog: SimulatedCatalog

    /// nil for a body that cannot be read.
    init?(_ sent: CatalogRequest, _ body: [UInt8], _ node: Node, _ catalog: SimulatedCatalog) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any] else { return nil }
        self.node = node
        self.catalog = catalog
        operation = sent.operation
        if operation == .put {
            guard let documents = object["documents"] as? [String: [String: Any]], documents.count == sent.items.count,
                object["replaceUploadedFieldsOnly"] as? Bool == false
            else { return nil }
            items = documents.mapValues { $0["title"].map { "\($0)" } ?? "" }
        } else {
            guard let ids = object["itemIds"] as? [String], ids.count == sent.items.count else { return nil }
            items = Dictionary(ids.map { ($0, "") }) { first, _ in first }
        }
    }

    var summary: String {
        "\(operation) \(items.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "))"
    }
    var count: Int { items.count }

    private var oracle: CatalogOracle { node.history.goods }

    func isSent(number: Int) { oracle.isSent(self, number: number) }
    func land(after delay: Duration) { catalog.landLater(self, after: delay) }
    func hasEnded(number: Int, _ failures: Set<Int>) { oracle.hasEnded(number: number) }
    func means(isAnswered: Bool, _ failures: Set<Int>) { if isAnswered { oracle.isAccepted(self) } }

    func answer(_ fault: Fault?, _ dice: inout Dice) -> (SimulatedReply, Set<Int>) {
        let everyone = Set(0..<count)
        guard catalog.isThere else {
            let body = #"{"error":"NotFound","message":"x","code":"error.catalogs.notFound"}"#
            return (.answer(status: 404, body: Array(body.utf8)), everyone)
        }
        if fault == .someInvalidData || fault == .someNamedTwice {
            let body = #"{"error":"BadRequest","message":"x","code":"error.catalogs.invalidItemId"}"#
            return (.answer(status: 400, body: Array(body.utf8)), everyone)
        }
        if operation == .put && catalog.types["title"] == nil {
            oracle.violated("an item is put before its field has a type")
        }
        catalog.accept(operation, items)
        oracle.isCarriedOut(self)
        var body = Array(#"{"msg":"accepted","code":"Success","params":null}"#.utf8)
        switch fault {
        case .lostAfter: return (.failure(.noAnswer, "connection_lost"), everyone)
        case .serverErrorApplied: return (.answer(status: 500, body: Array("{}".utf8)), everyone)
        case .truncated: body = Array(body.prefix(dice.below(body.count)))
        case .notJSON: body = Array("<html>Welcome</html>".utf8)
        case .emptyAnswer: body = []
        default: break
        }
        return (.answer(status: 202, body: body), [])
    }
}
