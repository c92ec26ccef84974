import Foundation
import RollcallCore

/// The body of a successful subscribe, unsubscribe, bulkUpdate or trackBulk: two counts, and lists of those who failed.
/// Every list may be missing; each may stand at the top level (older answers) or under `failedUpdates`.
struct DeliveryCounts: Decodable, Sendable, Equatable {
    var successCount: Int
    var failCount: Int
    /// Names per list, as they stand at the top level.
    var topLevel: [NamedList: [String]]
    /// The same under `failedUpdates`.
    var nested: [NamedList: [String]]
    /// Fields that the project does not have, and that were not taken.
    var filteredOutFields: [String]

    /// nil unless the body is a JSON object with two counts in range and, wherever there are lists, lists of strings;
    /// nil too if a key stands twice in it.
    init?(json body: [UInt8]) {
        guard let counts = try? JSONDecoder().decode(DeliveryCounts.self, from: Data(body)),
            !RepeatedKeys.exist(in: body)
        else { return nil }
        self = counts
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        successCount = try container.decode(Int.self, forKey: .successCount)
        failCount = try container.decode(Int.self, forKey: .failCount)
        guard Self.plausible.contains(successCount), Self.plausible.contains(failCount) else {
            throw DecodingError.dataCorruptedError(
                forKey: .successCount, in: container, debugDescription: "The counts are out of range.")
        }
        filteredOutFields = try container.decodeIfPresent([String].self, forKey: .filteredOutFields) ?? []
        topLevel = try Self.lists(in: decoder.container(keyedBy: NamedList.self))
        nested = [:]
        if container.contains(.failedUpdates), try !container.decodeNil(forKey: .failedUpdates) {
            nested = try Self.lists(in: container.nestedContainer(keyedBy: NamedList.self, forKey: .failedUpdates))
        }
    }

    /// Names per list, top level and `failedUpdates` together.
    var named: [NamedList: [String]] { topLevel.merging(nested, uniquingKeysWith: +) }

    /// No request carries more records than this.
    private static let plausible = 0...1_000_000

    private static func lists(in container: KeyedDecodingContainer<NamedList>) throws -> [NamedList: [String]] {
        var lists: [NamedList: [String]] = [:]
        for list in NamedList.allCases {
            if let names = try container.decodeIfPresent([String].self, forKey: list), !names.isEmpty {
                lists[list] = names
            }
        }
        return lists
    }

    private enum Keys: CodingKey { case successCount, failCount, failedUpdates, filteredOutFields }
}

/// The lists of failures. Source: `FailedUserUpdates` in Iterable's API description.
enum NamedList: String, CodingKey, CaseIterable, Sendable {
    case invalidEmails, invalidUserIds
    case notFoundEmails, notFoundUserIds
    case invalidDataEmails, invalidDataUserIds
    case conflictEmails, conflictUserIds
    case forgottenEmails, forgottenUserIds

    var failure: NamedFailure {
        switch self {
        case .invalidEmails: .invalidEmail
        case .invalidUserIds: .invalidUserID
        case .notFoundEmails, .notFoundUserIds: .notFound
        case .invalidDataEmails, .invalidDataUserIds: .invalidData
        case .conflictEmails, .conflictUserIds: .conflict
        case .forgottenEmails, .forgottenUserIds: .forgotten
        }
    }

    /// Which identifiers the list names. A conflict is between two identifiers, so its lists are searched for both.
    var namesEmails: Bool { rawValue.hasSuffix("Emails") || failure == .conflict }
    var namesUserIDs: Bool { rawValue.hasSuffix("UserIds") || failure == .conflict }
}
