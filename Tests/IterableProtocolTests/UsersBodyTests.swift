import Foundation
import Testing

@testable import IterableProtocol
@testable import RollcallCore

@Suite struct UsersBodyTests {
    /// As the engine writes them; the last one has texts that need escapes.
    private static let objects = [
        #"{"email":"anna@example.com","userId":"u-1","dataFields":{"plan":"free"},"mergeNestedObjects":false}"#,
        #"{"userId":"u-2","dataFields":{"email":"ben@example.com","address":{"city":null}},"mergeNestedObjects":true}"#,
        #"{"email":"c@example.com","dataFields":{"note":"\"\\\u2028é😀"},"mergeNestedObjects":false}"#,
    ]

    private func request(
        _ objects: [String], _ operation: RollcallCore.Operation = .update, createsNewFields: Bool = false
    ) -> UsersRequest {
        UsersRequest(
            operation, people: objects.map { .init(identity: Samples.anna, object: Array($0.utf8)) },
            createsNewFields: createsNewFields)
    }

    private func body(_ request: UsersRequest) -> String {
        var bytes: [UInt8] = []
        DeliveryBody.write(.users(request), into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func theObjectsStandAsTheyAreAndNewFieldsAreAlwaysSpokenOf() {
        let all = Self.objects.joined(separator: ",")
        #expect(body(request(Self.objects)) == "{\"users\":[\(all)],\"createNewFields\":false}")
        #expect(
            body(request([Self.objects[0]], createsNewFields: true))
                == "{\"users\":[\(Self.objects[0])],\"createNewFields\":true}")
        #expect(
            body(request([Self.objects[1]], .clear)) == "{\"users\":[\(Self.objects[1])],\"createNewFields\":false}")
    }

    @Test func whatIsWrittenIsAddedToWhatIsThere() {
        var bytes = Array("before".utf8)
        UsersBody.write(request([Self.objects[0]]), into: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "before" + body(request([Self.objects[0]])))
    }

    @Test func anotherParserReadsEveryObject() throws {
        let bytes = Data(body(request(Self.objects)).utf8)
        let read = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
        let users = try #require(read["users"] as? [[String: Any]])
        #expect(users.map { $0["email"] as? String } == ["anna@example.com", nil, "c@example.com"])
        #expect((users[2]["dataFields"] as? [String: String])?["note"] == "\"\\\u{2028}é😀")
        #expect(Set(read.keys) == ["users", "createNewFields"])
    }

    @Test func sizesAreUpperBounds() {
        let limits = DeliveryBody.limits(maximumBytes: 4_000_000)
        #expect(limits.maximumBytes == 4_000_000 && limits.envelopeBytes >= UsersBody.envelopeBytes)
        for count in [1, 2, 3, 1000] {
            for createsNewFields in [false, true] {
                let objects = (0..<count).map { Self.objects[$0 % Self.objects.count] }
                let actual = body(request(objects, createsNewFields: createsNewFields)).utf8.count
                let people = objects.map { UsersBody.size(ofObject: $0.utf8.count) }.reduce(0, +)
                let slack = UsersBody.envelopeBytes + people - actual
                #expect((0...UsersBody.envelopeBytes).contains(slack), "\(count): \(slack)")
                let changes = objects.enumerated().map { change($0.offset, $0.element) }
                #expect(limits.envelopeBytes + changes.map(limits.recordBytes).reduce(0, +) >= actual)
            }
        }
    }

    /// A change as the outbox has it: of users there is a key, and no id of an item.
    private func change(_ number: Int, _ object: String) -> Change {
        Change(
            sequence: Int64(number + 1), kind: .send, operation: .update,
            fingerprint: Fingerprint(high: UInt64(number), low: 0), identity: Samples.anna,
            record: RecordReference(key: "\(number)", content: 0), payload: Array(object.utf8))
    }
}
