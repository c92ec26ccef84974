import RollcallCore
import Warehouse

extension EventPlanner {
    /// The first rows with this key or event id, or of this person, and what is wrong with each.
    /// - Parameter email: the normal form, where the identifier is an address.
    func rows(of identifier: String, _ email: String?, _ shape: RecordShape) async throws -> [WhyReport.Row] {
        guard let cells = shape.events else { return [] }
        let finder = EventRowFinder(shape, settings, cells, identifier: identifier, email: email)
        try await stop.breakingOff { [warehouse, sync] in
            try await warehouse.readRecords(sync.audience, columns: shape.columns, parts: 1) {
                _, email, userID, cells in
                finder.row(email, userID, cells)
            }
        }
        return finder.rows
    }
}

/// Finds the rows of one event or person while the source streams by, and judges each by itself.
// SAFETY: one reading calls `row` from one thread at a time, and the rows are looked at when it has ended.
private final class EventRowFinder: @unchecked Sendable {
    private(set) var rows: [WhyReport.Row] = []
    private let shape: RecordShape
    private let subject: RowSubject
    private var event: EventRow
    private let identifier: String
    private let raw: [UInt8]
    private let email: [UInt8]?
    /// Whether the identifier may be an id that is made of a key.
    private let mayBeDerived: Bool
    private let normalizer = IdentifierNormalizer()
    private let values: UnsafeMutableBufferPointer<FieldValue>

    init(_ shape: RecordShape, _ settings: EventSettings, _ cells: EventCells, identifier: String, email: String?) {
        self.shape = shape
        self.identifier = identifier
        self.email = email.map { Array($0.utf8) }
        raw = Array(identifier.utf8)
        mayBeDerived = settings.id == .derived && identifier.hasPrefix("rc-")
        subject = RowSubject(shape)
        event = EventRow(settings, cells)
        values = .allocate(capacity: max(1, shape.layout.fields.count))
        values.initialize(repeating: .null)
    }

    deinit { values.deallocate() }

    func row(_ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>) {
        guard rows.count < EventStory.most else { return }
        let keyFailure = subject.readEventKey(cells)
        let isIt =
            (keyFailure == nil && hasKeyOrID) || hasID(cells) || matchesEmail(email) || matches(userID.bytes)
        if isIt { rows.append(judge(email, userID, cells, keyFailure)) }
    }

    // MARK: Whether it is meant

    private var hasKeyOrID: Bool { subject.key == raw || (mayBeDerived && subject.derivedID == identifier) }

    private func hasID(_ cells: UnsafeBufferPointer<RecordCell>) -> Bool {
        guard let place = event.cells.id else { return false }
        return cells[place].withKey { matches($0) } ?? false
    }

    private func matches(_ bytes: UnsafeRawBufferPointer?) -> Bool { bytes.map { $0.elementsEqual(raw) } ?? false }

    private func matchesEmail(_ cell: AudienceCell) -> Bool {
        guard let bytes = cell.bytes else { return false }
        if matches(bytes) { return true }
        guard let email else { return false }
        return normalizer.withEmail(bytes) { $0.elementsEqual(email) }
    }

    // MARK: What it says

    private func judge(
        _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>,
        _ keyFailure: FailureReason?
    ) -> WhyReport.Row {
        var found = WhyReport.Row.Event()
        var failures = [positionFailure(cells, &found), nameFailure(cells, &found), keyFailure]
        var person: Identity?
        if keyFailure == nil {
            if case .invalid(let reason) = subject.read(email, userID, cells) {
                failures.append(reason)
            } else {
                person = subject.identity
            }
        }
        let eventFailure = event.read(cells)
        failures += [eventFailure, fieldFailure(cells)]
        if keyFailure == nil, eventFailure == nil {
            found.id = event.id.map { String(decoding: $0, as: UTF8.self) } ?? subject.derivedID
        }
        return WhyReport.Row(
            email: text(email), userID: text(userID),
            recordKey: keyFailure == nil ? LoggedText.text(of: subject.key) : nil, person: person,
            failure: failures.lazy.compactMap(\.self).first, representative: nil, event: found)
    }

    private func positionFailure(
        _ cells: UnsafeBufferPointer<RecordCell>, _ found: inout WhyReport.Row.Event
    ) -> FailureReason? {
        switch event.position(cells) {
        case .at(let position): found.position = position
        case .invalid(let reason): return reason
        case .none: break
        }
        return nil
    }

    private func nameFailure(
        _ cells: UnsafeBufferPointer<RecordCell>, _ found: inout WhyReport.Row.Event
    ) -> FailureReason? {
        switch event.readName(cells) {
        case .fine: break
        case .excluded: found.isExcluded = true
        case .missing: return EventRow.nameMissing
        }
        found.name = String(decoding: event.name, as: UTF8.self)
        return nil
    }

    private func fieldFailure(_ cells: UnsafeBufferPointer<RecordCell>) -> FailureReason? {
        do throws(InvalidField) {
            try shape.layout.read(cells, into: values)
            try shape.layout.check(UnsafeBufferPointer(values))
            return nil
        } catch {
            return error.reason
        }
    }

    private func text(_ cell: AudienceCell) -> String? {
        cell.bytes.map { String(decoding: $0.prefix(PlanSpool.loggedBytes), as: UTF8.self) }
    }
}
