import Foundation
import Testing

@testable import IterableProtocol
@testable import RollcallCore

@Suite struct EventsBodyTests {
    /// As the engine writes them; the last one has texts that need escapes.
    private static let objects = [
        #"{"id":"rc-1","email":"anna@example.com","eventName":"order","createdAt":1795000000,"createNewFields":true}"#,
        #"{"id":"rc-2","userId":"u-2","eventName":"order","dataFields":{"total":3.0},"createNewFields":false}"#,
        #"{"id":"rc-3","userId":"u-2","eventName":"\"\\\u2028é😀","dataFields":{"a":{"b":[1]}}}"#,
    ]

    private static func events(_ objects: [String]) -> [EventsRequest.Event] {
        objects.enumerated().map { number, object in
            EventsRequest.Event(
                identity: Samples.anna, name: "order", id: "rc-\(number)", object: Array(object.utf8))
        }
    }

    private func body(_ request: DeliveryRequest) -> String {
        var bytes: [UInt8] = []
        DeliveryBody.write(request, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func theObjectsStandAsTheyAre() {
        let events = Self.events(Self.objects)
        let all = Self.objects.joined(separator: ",")
        #expect(body(.events(EventsRequest(events: events))) == "{\"events\":[\(all)]}")
        #expect(body(.events(EventsRequest(events: [events[1]]))) == "{\"events\":[\(Self.objects[1])]}")
        for (event, object) in zip(events, Self.objects) { #expect(body(.event(event)) == object) }
    }

    @Test func whatIsWrittenIsAddedToWhatIsThere() {
        let request = EventsRequest(events: Self.events(Self.objects))
        var bytes = Array("before".utf8)
        EventsBody.write(request, into: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "before" + body(.events(request)))
    }

    @Test func anotherParserReadsEveryObject() throws {
        let bytes = Data(body(.events(EventsRequest(events: Self.events(Self.objects)))).utf8)
        let read = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
        #expect(Array(read.keys) == ["events"])
        let events = try #require(read["events"] as? [[String: Any]])
        #expect(events.map { $0["id"] as? String } == ["rc-1", "rc-2", "rc-3"])
        #expect(events[2]["eventName"] as? String == "\"\\\u{2028}é😀")
    }

    @Test func sizesAreUpperBounds() {
        let limits = DeliveryBody.limits(maximumBytes: 4_000_000)
        #expect(limits.envelopeBytes >= EventsBody.envelopeBytes)
        for count in [1, 2, 3, 1000] {
            let objects = (0..<count).map { Self.objects[$0 % Self.objects.count] }
            let actual = body(.events(EventsRequest(events: Self.events(objects)))).utf8.count
            let events = objects.map { EventsBody.size(ofObject: $0.utf8.count) }.reduce(0, +)
            let slack = EventsBody.envelopeBytes + events - actual
            #expect((0...EventsBody.envelopeBytes).contains(slack), "\(count): \(slack)")
            let changes = objects.enumerated().map { change($0.offset, $0.element) }
            #expect(changes.map(limits.recordBytes).reduce(0, +) == events)
        }
    }

    /// A change as the outbox has it.
    private func change(_ number: Int, _ object: String) -> Change {
        Change(
            sequence: Int64(number + 1), kind: .send, operation: .track,
            fingerprint: Fingerprint(high: UInt64(number), low: 0), identity: Samples.anna,
            record: RecordReference(key: "\(number)", content: 0), payload: Array(object.utf8),
            event: EventReference(id: "rc-\(number)", name: "order", order: 0, firstSeen: Samples.now))
    }
}
