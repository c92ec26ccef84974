import HTTPTypes
import RollcallCore
import SyncEngine

/// One field of the body that starts a run.
enum RunOption: Decodable, Sendable {
    case flag(Bool)
    case text(String)

    static let flags = ["full", "retry_rejected", "force_new", "accept_new_ids"]
    static let backfill = "backfill"
    static let names = flags + [backfill]
    static let expected =
        "\(flags.joined(separator: ", ")) are true or false; \(backfill) is \(Backfill.expected)."

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    /// - Parameter fields: none but those of ``names``.
    static func request(_ fields: [String: RunOption]) throws(Problem) -> RunRequest {
        func flag(_ name: String) throws(Problem) -> Bool {
            switch fields[name] {
            case .flag(let isSet)?: return isSet
            case nil: return false
            case .text?: throw wrong
            }
        }
        var request = RunRequest()
        request.trigger = .api
        request.full = try flag("full")
        request.retryRejected = try flag("retry_rejected")
        request.forceNew = try flag("force_new")
        request.acceptNewIDs = try flag("accept_new_ids")
        request.backfill = try span(fields[backfill])
        return request
    }

    private static func span(_ option: RunOption?) throws(Problem) -> Backfill? {
        guard let option else { return nil }
        guard case .text(let text) = option, let span = Backfill(text: text) else { throw wrong }
        return span
    }

    private static let wrong = Problem(
        .badRequest, "bad_field", "A field of the body has a wrong value.", hint: expected)
}

extension RunRequest {
    /// Refuses what a sync cannot do, as far as its configuration tells: that needs no run that fails.
    func refuseMisuse(of sync: String, _ service: SyncService) async throws {
        guard full || only != nil || backfill != nil || acceptNewIDs else { return }
        let settings = try await service.status(of: sync).settings
        guard let misuse = self.misuse(of: settings) else { return }
        throw Problem(.badRequest, misuse.code, misuse.message, hint: misuse.hint)
    }
}
