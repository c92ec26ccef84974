import RollcallCore

/// Streams in words.
enum StreamText {
    /// Names that are given before the rest is only counted.
    private static let most = 5

    /// `orders every 5 s, returns every 10 s`; of many the first ones. nil: none of the syncs is streamed.
    static func list(_ syncs: [SyncSettings]) -> String? {
        let streamed = syncs.compactMap { sync in
            sync.stream.map { "\(sync.name) every \(DisplayText.duration($0.pollSeconds))" }
        }
        if streamed.isEmpty { return nil }
        let rest = streamed.count > most ? " and \(streamed.count - most) more" : ""
        return streamed.prefix(most).joined(separator: ", ") + rest
    }
}

extension RunError {
    /// The same of a sync that another process has: where `serve` streams it, waiting does not help.
    func whileStreamed(_ sync: SyncSettings?) -> RunError {
        guard let sync, sync.stream != nil, sync.enabled else { return self }
        var error = self
        error.hint =
            "If rollcall serve streams it, pause it first, on its page in the dashboard or with POST"
            + " /api/v1/syncs/\(sync.name)/pause, and resume it afterwards. If the process is dead, try again in a minute."
        return error
    }
}
