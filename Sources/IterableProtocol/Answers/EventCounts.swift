import Foundation
import RollcallCore

/// The body of a successful trackBulk. Source: `BulkTrackResponse` in Iterable's API description.
struct EventCounts: Decodable, Sendable, Equatable {
    var counts: DeliveryCounts
    /// Names of events that the project does not take.
    var disallowedNames: [String]

    /// nil as for ``DeliveryCounts``, and where the names are no list of strings.
    init?(json body: [UInt8]) {
        guard let answer = try? JSONDecoder().decode(EventCounts.self, from: Data(body)),
            !RepeatedKeys.exist(in: body)
        else { return nil }
        self = answer
    }

    init(from decoder: any Decoder) throws {
        counts = try DeliveryCounts(from: decoder)
        let container = try decoder.container(keyedBy: Keys.self)
        disallowedNames = try container.decodeIfPresent([String].self, forKey: .disallowedEventNames) ?? []
    }

    /// Names per list. `invalidUserIds` at the top level, which is deprecated, names userIds that were not found.
    var named: [NamedList: [String]] {
        var top = counts.topLevel
        if let unknown = top.removeValue(forKey: .invalidUserIds) { top[.notFoundUserIds, default: []] += unknown }
        return top.merging(counts.nested, uniquingKeysWith: +)
    }

    private enum Keys: CodingKey { case disallowedEventNames }
}

/// The body of a successful track: `{"msg":…,"code":"Success","params":…}`. That the project does not take events of
/// this name is a success too, and said in words alone (source: Iterable's public clients).
struct TrackAnswer {
    var isDisallowed: Bool

    /// nil for a body that says neither, or that says two things.
    init?(json body: [UInt8]) {
        guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(body)), !RepeatedKeys.exist(in: body)
        else { return nil }
        isDisallowed = fields.msg.contains("is disallowed from tracking")
        guard isDisallowed || fields.code == "Success" else { return nil }
    }

    func outcome(status: Int) -> RecordOutcome {
        isDisallowed ? NamedFailure.disallowedName.outcome(of: .track, status: status) : .succeeded
    }

    private struct Fields: Decodable {
        var msg: String
        var code: String?
    }
}
