import RollcallCore

/// Groups as bytes of the spool.
enum GroupCoding {
    /// Of this form; another one is not read.
    private static let version: UInt8 = 1

    static func encode(_ group: PendingGroup) -> [UInt8] {
        var writer = SpoolWriter()
        writer.append(version)
        writer.append(group.writer)
        writer.append(group.sequence)
        writer.append(UInt32(group.counts.count))
        for count in group.counts {
            writer.append(count.receiver)
            writer.append(count.hour)
            writer.append(count.outcome.rawValue)
            writer.append(Int64(count.count))
        }
        writer.append(UInt32(group.items.count))
        for item in group.items { append(item, &writer) }
        return writer.bytes
    }

    static func decode(_ bytes: [UInt8]) throws(SpoolReader.Mismatch) -> PendingGroup {
        var reader = SpoolReader(bytes)
        guard try reader.number(UInt8.self) == version else { throw SpoolReader.Mismatch() }
        var group = PendingGroup(writer: try reader.text(), sequence: try reader.number(Int64.self))
        for _ in 0..<(try reader.number(UInt32.self)) {
            let (receiver, hour) = (try reader.text(), try reader.time())
            guard let outcome = ReceiverOutcome(rawValue: try reader.text()) else { throw SpoolReader.Mismatch() }
            let count = Int(try reader.number(Int64.self))
            group.counts.append(ReceiverCount(receiver: receiver, hour: hour, outcome: outcome, count: count))
        }
        for _ in 0..<(try reader.number(UInt32.self)) { group.items.append(try item(&reader)) }
        guard reader.isAtEnd else { throw SpoolReader.Mismatch() }
        return group
    }

    // MARK: Items

    private static func append(_ item: ReceivedItem, _ writer: inout SpoolWriter) {
        switch item {
        case .event(let event):
            writer.append(UInt8(0))
            append(event, &writer)
        case .body(let body):
            writer.append(UInt8(1))
            writer.append(body.receiver)
            writer.append(body.destination)
            writer.append(body.receivedAt)
            writer.append(body.bytes)
        case .reject(let reject):
            writer.append(UInt8(2))
            writer.append(reject.receiver)
            writer.append(reject.receivedAt)
            writer.append(reject.reason)
            writer.append(reject.body)
        }
    }

    private static func append(_ event: ReceivedEvent, _ writer: inout SpoolWriter) {
        writer.append(event.eventID)
        writer.append(event.receiver)
        writer.append(event.destination)
        writer.append(event.receivedAt)
        writer.append(event.payload)
        writer.append(event.occurredAt)
        for text in [event.eventName, event.email, event.userID, event.messageID, event.url] { writer.append(text) }
        for number in [
            event.campaignID, event.templateID, event.messageTypeID, event.channelID, event.workflowID,
            event.experimentID,
        ] { writer.append(number) }
    }

    private static func item(_ reader: inout SpoolReader) throws(SpoolReader.Mismatch) -> ReceivedItem {
        switch try reader.number(UInt8.self) {
        case 0: return .event(try event(&reader))
        case 1:
            return .body(
                UnreadBody(
                    receiver: try reader.text(), destination: try reader.optionalText(), receivedAt: try reader.time(),
                    bytes: Array(try reader.content())))
        case 2:
            return .reject(
                RejectedBody(
                    receiver: try reader.text(), receivedAt: try reader.time(), reason: try reader.text(),
                    body: try reader.text()))
        default: throw SpoolReader.Mismatch()
        }
    }

    private static func event(_ reader: inout SpoolReader) throws(SpoolReader.Mismatch) -> ReceivedEvent {
        var event = ReceivedEvent(
            eventID: try reader.text(), receiver: try reader.text(), destination: try reader.optionalText(),
            receivedAt: try reader.time(), payload: Array(try reader.content()))
        event.occurredAt = try reader.optionalTime()
        event.eventName = try reader.optionalText()
        event.email = try reader.optionalText()
        event.userID = try reader.optionalText()
        event.messageID = try reader.optionalText()
        event.url = try reader.optionalText()
        event.campaignID = try reader.optionalNumber()
        event.templateID = try reader.optionalNumber()
        event.messageTypeID = try reader.optionalNumber()
        event.channelID = try reader.optionalNumber()
        event.workflowID = try reader.optionalNumber()
        event.experimentID = try reader.optionalNumber()
        return event
    }
}
