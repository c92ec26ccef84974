import RollcallCore
import SyncEngine
import TestSupport
import Testing

/// A ``Bench`` whose list is kept with the fields `plan` and `ltv` of each member.
struct FieldsBench: Sendable {
    let bench: Bench

    static let settings = MemberFieldSettings(
        fields: .only([
            FieldSetting(name: "plan", source: .column("plan")),
            FieldSetting(name: "ltv", source: .column("ltv")),
        ]))

    var iterable: FakeIterable { bench.iterable }

    init(
        _ projectType: ProjectType = .email, cache: SnapshotCache? = nil,
        adjust: @escaping @Sendable (inout SyncSettings, inout DestinationSettings) -> Void = { _, _ in }
    ) async throws {
        bench = try await Bench(projectType, cache: cache) { sync, destination in
            sync.memberFields = Self.settings
            adjust(&sync, &destination)
        }
        for column in ["plan TEXT", "ltv INTEGER"] {
            try await bench.fixture.execute("ALTER TABLE people ADD COLUMN \(column)")
        }
        iterable.users.setTypes(["plan": "string", "ltv": "long", "phone": "string"])
    }

    /// Replaces the audience; each row is `email/userId plan ltv`, with `-` for NULL.
    func setAudience(_ rows: [String]) async throws {
        try await bench.fixture.execute("DELETE FROM people")
        for row in rows {
            let parts = row.split(separator: " ").map(String.init)
            let person = parts[0].split(separator: "/").map(String.init) + ["-"]
            let cells = [person[0], person[1], parts[1], parts.count > 2 ? parts[2] : "-"]
            let values = cells.enumerated().map { index, text in
                text == "-" ? "NULL" : index == 3 ? text : "'\(text)'"
            }
            try await bench.fixture.execute("INSERT INTO people VALUES (\(values.joined(separator: ", ")))")
        }
    }

    @discardableResult
    func run(
        _ request: RunRequest = RunRequest(), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> SyncRun {
        try await bench.run(request, sourceLocation: sourceLocation)
    }

    /// Subscribers of all requests from a number on, as `email/userId {object}`.
    func sent(from number: Int) -> [String] {
        iterable.requests.dropFirst(number).filter { $0.operation == .subscribe }.flatMap { request in
            request.subscribers.indices.map { index in
                let person = request.subscribers[index]
                let object = index < request.fields.count ? request.fields[index] : nil
                return "\(person.email ?? "-")/\(person.userID ?? "-") "
                    + (object.map { String(decoding: $0, as: UTF8.self) } ?? "none")
            }
        }.sorted()
    }
}
