import Foundation
import RollcallCore

/// What a row says of its event beside its key, its person and its fields. Reused from row to row.
struct EventRow {
    let cells: EventCells
    let settings: EventSettings

    private(set) var name: [UInt8] = []
    private(set) var id: [UInt8]?
    /// Microseconds since 1970.
    private(set) var createdAt: Int64?
    private(set) var campaign: Int64?
    private(set) var template: Int64?

    init(_ settings: EventSettings, _ cells: EventCells) {
        self.settings = settings
        self.cells = cells
        if case .constant(let constant) = settings.name { name = Array(constant.utf8) }
    }

    // MARK: Where it stands

    enum Position {
        case at(Int64)
        /// The sync has no cursor.
        case none
        case invalid(FailureReason)
    }

    func position(_ row: UnsafeBufferPointer<RecordCell>) -> Position {
        guard let cursor = cells.cursor else { return .none }
        if case .null = row[cursor] {
            return .invalid(FailureReason(code: "cursor_null", reason: "The cursor's column is NULL."))
        }
        if let position = Self.moment(row[cursor], isTime: cells.isTime) { return .at(position) }
        return .invalid(
            FailureReason(
                code: "invalid_value",
                reason: cells.isTime
                    ? "The cursor's column has no date or time of the years 1 to 9999."
                    : "The cursor's column has no whole number of 64 bits."))
    }

    static func moment(_ cell: RecordCell, isTime: Bool) -> Int64? {
        switch (cell, isTime) {
        case (.integer, true), (.decimal, true), (.text, false): return nil
        default: break
        }
        guard let position = cell.rank else { return nil }
        return isTime && !EventTime.isWritable(microseconds: position) ? nil : position
    }

    // MARK: Its name

    enum Name { case fine, excluded, missing }

    mutating func readName(_ row: UnsafeBufferPointer<RecordCell>) -> Name {
        guard let place = cells.name else { return .fine }
        name.removeAll(keepingCapacity: true)
        guard case .text(let text) = row[place], !text.isEmpty else { return .missing }
        name.append(contentsOf: text)
        guard let names = settings.names else { return .fine }
        return names.contains { $0.utf8.elementsEqual(name) } ? .fine : .excluded
    }

    static let nameMissing = FailureReason(
        code: "invalid_value", reason: "The column of the event's name is NULL, empty, or no text.")

    // MARK: The rest

    /// - Returns: why the row cannot be sent; nil: it can.
    mutating func read(_ row: UnsafeBufferPointer<RecordCell>) -> FailureReason? {
        if let place = cells.id, let failure = readID(row[place]) { return failure }
        if let place = cells.createdAt, let failure = readTime(row[place]) { return failure }
        do {
            campaign = try Self.number(settings.campaignID, cells.campaign.map { row[$0] }, "campaign_id")
            template = try Self.number(settings.templateID, cells.template.map { row[$0] }, "template_id")
        } catch {
            return error.reason
        }
        if String(validating: name, as: UTF8.self) == nil || name.contains(0) { return Self.nameMissing }
        return nil
    }

    /// Source: Iterable's help centre, article 206430615, and its API description, `POST /api/events/track`.
    static let longestID = 512

    private mutating func readID(_ cell: RecordCell) -> FailureReason? {
        let invalid = FailureReason(
            code: "invalid_event_id",
            reason: "The id of the event is not 1 to \(Self.longestID) letters, digits and hyphens.")
        let found: [UInt8]?? = cell.withKey { $0.map { Array($0) } }
        guard let bytes = found ?? nil, (1...Self.longestID).contains(bytes.count),
            bytes.allSatisfy({ ASCII.isLetterOrDigit($0) || $0 == UInt8(ascii: "-") })
        else { return invalid }
        id = bytes
        return nil
    }

    /// Whole seconds beyond this are milliseconds by mistake: they would lie in the year 5138.
    private static let mostSeconds: Int64 = 100_000_000_000

    private mutating func readTime(_ cell: RecordCell) -> FailureReason? {
        let invalid = FailureReason(
            code: "invalid_value", reason: "The time of the event is NULL, or no time of the years 1970 to 9999.")
        guard let unit = settings.createdAt?.unit else {
            createdAt = Self.moment(cell, isTime: true)
            guard let createdAt, createdAt >= 0 else { return invalid }
            return nil
        }
        guard let number = Self.moment(cell, isTime: false), number >= 0 else { return invalid }
        if unit == .seconds, number > Self.mostSeconds {
            return FailureReason(
                code: "timestamp_unit",
                reason: "The time of the event is beyond 10^11 seconds; its unit may be milliseconds (unit: ms).")
        }
        let (microseconds, isBeyond) = number.multipliedReportingOverflow(by: unit == .seconds ? 1_000_000 : 1000)
        guard !isBeyond, EventTime.isWritable(microseconds: microseconds) else { return invalid }
        createdAt = microseconds
        return nil
    }

    /// When it happened, in microseconds since 1970, as far as the row says so, be it a time that cannot be sent.
    mutating func time(of row: UnsafeBufferPointer<RecordCell>) -> Int64? {
        guard let place = cells.createdAt else { return nil }
        if readTime(row[place]) == nil { return createdAt }
        return settings.createdAt?.unit == nil ? createdAt : nil
    }

    private struct NoNumber: Error { var reason: FailureReason }

    private static func number(
        _ setting: EventSettings.Number?, _ cell: RecordCell?, _ name: String
    ) throws(NoNumber) -> Int64? {
        guard let cell else { return setting?.fallback }
        switch cell {
        case .null: return setting?.fallback
        case .integer, .decimal: if let number = cell.rank, number >= 1 { return number }
        default: break
        }
        throw NoNumber(
            reason: FailureReason(
                code: "invalid_value", reason: "The \(name) of the event is no whole number of 64 bits from 1 on."))
    }

    // MARK: As it is compared and sent

    /// What belongs to the content beside the fields. The id does not: an event keeps the one that it was sent with.
    func hash(_ subject: RowSubject, into hasher: inout ContentHasher) {
        subject.hashIdentity(into: &hasher)
        hasher.add(name)
        hasher.add(createdAt.map(EventTime.seconds))
        hasher.add(campaign)
        hasher.add(template)
    }

    /// With what the object of an event begins.
    static func beginning(id: String) -> [UInt8] { Array("{\"id\":\"\(id)\"".utf8) }

    /// - Parameter fields: a JSON object.
    func write(_ subject: RowSubject, id: String, fields: [UInt8], createsNewFields: Bool) -> [UInt8] {
        var object: [UInt8] = []
        object.reserveCapacity(fields.count + 250)
        object.append(contentsOf: Self.beginning(id: id))
        if let email = subject.email { Self.append("email", email, to: &object) }
        if let userID = subject.userID { Self.append("userId", userID, to: &object) }
        Self.append("eventName", name, to: &object)
        if let createdAt { object.append(contentsOf: ",\"createdAt\":\(EventTime.seconds(createdAt))".utf8) }
        if let campaign { object.append(contentsOf: ",\"campaignId\":\(campaign)".utf8) }
        if let template { object.append(contentsOf: ",\"templateId\":\(template)".utf8) }
        if fields.count > 2 {
            object.append(contentsOf: ",\"dataFields\":".utf8)
            object.append(contentsOf: fields)
        }
        object.append(contentsOf: ",\"createNewFields\":\(createsNewFields)}".utf8)
        return object
    }

    private static func append(_ name: String, _ value: [UInt8], to object: inout [UInt8]) {
        object.append(contentsOf: ",\"\(name)\":".utf8)
        value.withUnsafeBytes { JSONBytes.append(quoted: $0, to: &object) }
    }
}
