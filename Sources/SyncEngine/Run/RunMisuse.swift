package import RollcallCore

extension RunRequest {
    /// Why a sync cannot do what is asked, as far as its configuration alone tells; nil: it may be able to.
    package func misuse(of sync: SyncSettings) -> RunError? {
        let scope = PlanScope(full: full, only: only, backfill: backfill)
        if let misuse = scope.misuse(of: sync) { return misuse }
        return acceptNewIDs && sync.kind != .events ? PlanScope.onlyEvents("to accept new ids", sync, "") : nil
    }
}

extension PlanScope {
    /// Why a plan of a sync of this kind cannot have this scope; nil: it can.
    func misuse(of sync: SyncSettings) -> RunError? {
        if sync.kind == .events { return full ? Self.fullOfEvents(sync.name) : nil }
        if sync.kind == .list && only != nil { return Self.onlyRecords(sync.name) }
        return backfill == nil ? nil : Self.onlyEvents("a backfill", sync, "; a full run sends everything again")
    }

    private static func fullOfEvents(_ sync: String) -> RunError {
        RunError(
            code: "full_of_events", message: "a full run would send every event of \(sync) again",
            hint: "An event is sent once. A backfill of 30d (--backfill 30d, or \"backfill\": \"30d\" over HTTP) sends"
                + " those of the last 30 days that were not sent, and one of all those of all times.")
    }

    private static func onlyRecords(_ sync: String) -> RunError {
        RunError(
            code: "only_records", message: "--only takes the key of a record, and \(sync) keeps a list",
            hint: "Leave --only out. `rollcall why \(sync) PERSON` tells one person's story.")
    }

    /// - Parameter wish: what was asked for, in words that are true of commands and of requests.
    fileprivate static func onlyEvents(_ wish: String, _ sync: SyncSettings, _ instead: String) -> RunError {
        let what =
            switch sync.kind {
            case .list: "a list"
            case .users: "profiles"
            case .events: "events"
            case .catalog: "a catalog"
            }
        return RunError(
            code: "only_events", message: "\(wish) is for syncs of events, and \(sync.name) keeps \(what)",
            hint: "Leave it out\(instead).")
    }
}
