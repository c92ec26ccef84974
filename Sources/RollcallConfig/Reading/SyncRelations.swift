internal import RollcallCore

/// Judges the syncs of a file by one another.
struct SyncRelations {
    let context: ReadingContext
    let destinations: [String: DestinationSettings]
    /// Of each warehouse that is only read: where the state of its syncs lives.
    let stateWarehouses: [String: String]
    /// Of all syncs, whether or not there is a draft.
    let names: [String]
    let drafts: [SyncReader.Draft]

    func check() {
        checkClaims()
        for draft in drafts { checkAfter(draft) }
    }

    /// A claim and the project that it is made in; two destinations with the same address and key are the same project.
    private struct ProjectClaim: Hashable {
        var project: [[UInt8]]
        /// Bytes: two spellings of one name in Unicode are two names.
        var name: [UInt8]
    }

    /// What one sync keeps no other may keep, where they would undo each other's work.
    private func checkClaims() {
        var holders: [ProjectClaim: SyncReader.Draft] = [:]
        for draft in drafts {
            guard let kept = draft.kept, let destination = draft.destination, let claim = Claim.of(kept.target)
            else { continue }
            let settings = destinations[destination]
            let project = (settings.map { [$0.baseURL, $0.apiKey.reveal()] } ?? [destination]).map { Array($0.utf8) }
            let identity = ProjectClaim(project: project, name: Array(claim.name.utf8))
            if let other = holders[identity] {
                context.report(
                    at: kept.position, path: "syncs.\(draft.name).\(claim.key)",
                    "syncs.\(draft.name) \(claim.clause) as syncs.\(other.name) (line \(other.position.line))",
                    expected: "one sync for each \(claim.what)", hint: claim.hint)
            } else {
                holders[identity] = draft
            }
        }
    }

    // MARK: after

    private func checkAfter(_ draft: SyncReader.Draft) {
        guard let after = draft.after else { return }
        guard let other = drafts.first(where: { $0.name == after.value }) else {
            if !names.contains(after.value) { reportMissing(after, draft) }
            return
        }
        guard let difference = difference(draft, other) else { return }
        context.report(
            at: after.position, path: after.path, "\(after.path) names syncs.\(other.name), which \(difference)",
            expected: expected(draft),
            hint: "Events wait until that sync has had their person acknowledged by the same project.")
    }

    private func reportMissing(_ after: Located<String>, _ draft: SyncReader.Draft) {
        let near = Suggestion.nearest(to: after.value, among: candidates(draft))
        context.report(
            at: after.position, path: after.path,
            "there is no sync \(TextLayout.quoted(after.original)) (\(after.path))", expected: expected(draft),
            suggestion: after.value == after.original ? near.map(TextLayout.quoted) : nil)
    }

    /// What keeps events from waiting for the people of a sync, behind "which"; nil: nothing that is known.
    private func difference(_ draft: SyncReader.Draft, _ other: SyncReader.Draft) -> String? {
        if let kind = other.kind, kind != .users { return "is of kind \(kind.rawValue)" }
        if let own = draft.destination, let theirs = other.destination, own != theirs {
            return "has the destination \(theirs), not \(own)"
        }
        if let own = state(draft), let theirs = state(other), own != theirs {
            let isSplit = own != draft.warehouse || theirs != other.warehouse
            return "has \(isSplit ? "its state in " : "")the warehouse \(theirs), not \(own)"
        }
        return nil
    }

    /// The warehouse in which the state of a sync lives; nil: it names none.
    private func state(_ draft: SyncReader.Draft) -> String? {
        draft.warehouse.map { stateWarehouses[$0] ?? $0 }
    }

    private func expected(_ draft: SyncReader.Draft) -> String {
        let names = candidates(draft)
        if names.isEmpty { return "a sync of kind users with the same destination and warehouse" }
        return "one of \(names.prefix(20).joined(separator: ", "))"
    }

    /// The syncs whose people the events of a sync may wait for.
    private func candidates(_ draft: SyncReader.Draft) -> [String] {
        drafts.filter { $0.kind == .users && difference(draft, $0) == nil }.map(\.name)
    }
}

/// What a sync has for itself in a project.
private struct Claim {
    /// What is compared.
    var name: String
    /// The key of the sync behind which it stands, and what it is called.
    var key: String
    var what: String
    /// What two syncs with this claim both do.
    var clause: String
    var hint: String

    /// nil: others may have the same. Each sync of users keeps its own fields, and ids from a column need no namespace.
    static func of(_ target: SyncTarget) -> Claim? {
        switch target {
        case .list(.id(let id)): list("id \(id)")
        case .list(.name(let name, _)): list("name \(name)")
        case .events(let events) where events.id == .derived: namespace(events.namespace)
        case .users, .events: nil
        case .catalog(let settings): catalog(settings.name)
        }
    }

    private static func list(_ name: String) -> Claim {
        Claim(
            name: name, key: "list", what: "list", clause: "keeps the same list",
            hint: "Two syncs would remove each other's members. Join the audiences in one query, or give each sync its "
                + "own list.")
    }

    private static func namespace(_ name: String) -> Claim {
        Claim(
            name: "namespace \(name)", key: "event.namespace", what: "namespace",
            clause: "makes ids in the same namespace",
            hint: "Events of equal keys would have one id, and one would replace the other. Give each sync another "
                + "namespace.")
    }

    /// Iterable tells names of catalogs apart without regard to case.
    private static func catalog(_ name: String) -> Claim {
        Claim(
            name: "catalog \(name.lowercased())", key: "catalog", what: "catalog", clause: "keeps the same catalog",
            hint: "Two syncs would overwrite each other's items. Join the rows in one query, or give each sync its own "
                + "catalog.")
    }
}
