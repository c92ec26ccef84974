package import Foundation
package import RollcallCore

/// The project that a list is in, as far as the state may know it: without its API key.
package struct ListProject: Sendable, Equatable {
    /// Address of the API, without a trailing slash.
    package var baseURL: String
    /// One-way hash of the API key; nil: not known.
    package var keyHash: String?

    package init(baseURL: String, keyHash: String?) {
        self.baseURL = baseURL
        self.keyHash = keyHash
    }
}

/// What a sync has to do with a list that another one wants to keep.
package struct ListClaim: Sendable, Equatable {
    /// A run that is queued, running or held.
    package struct OpenRun: Sendable, Equatable {
        package var id: String
        package var status: RunStatus
        /// nil until the run knows its list.
        package var listID: Int64?

        package init(id: String, status: RunStatus, listID: Int64?) {
            self.id = id
            self.status = status
            self.listID = listID
        }
    }

    package var sync: String
    /// The list that the sync is bound to now, which need not be the one that was asked about; nil: to none yet.
    package var binding: ListBinding?
    /// Whether it has members that may be on the list because of it.
    package var ownsMembers: Bool
    package var openRun: OpenRun?
    /// Until when a request of its that got no answer may still change the list; nil: there is none.
    package var mayLandUntil: Date?

    package init(
        sync: String, binding: ListBinding?, ownsMembers: Bool, openRun: OpenRun? = nil, mayLandUntil: Date? = nil
    ) {
        self.sync = sync
        self.binding = binding
        self.ownsMembers = ownsMembers
        self.openRun = openRun
        self.mayLandUntil = mayLandUntil
    }
}

/// What a sync has let go of.
package struct Abandonment: Sendable, Equatable {
    /// Members that left the snapshot, by list; the list that it was bound to is there also with none. Sorted by id.
    package var lists: [MembersOfList]
    /// Records of other kinds than lists that left the snapshot.
    package var records: Int
    /// The held run that was discarded.
    package var discardedRunID: String?
    /// Changes of that run that were staged and never sent.
    package var discardedChanges: Int

    package struct MembersOfList: Sendable, Equatable {
        package var listID: Int64
        package var members: Int

        package init(listID: Int64, members: Int) {
            self.listID = listID
            self.members = members
        }
    }

    package init(
        lists: [MembersOfList], records: Int = 0, discardedRunID: String? = nil, discardedChanges: Int = 0
    ) {
        self.lists = lists
        self.records = records
        self.discardedRunID = discardedRunID
        self.discardedChanges = discardedChanges
    }

    package var members: Int { lists.reduce(0) { $0 + $1.members } }
    package var isEmpty: Bool { lists.isEmpty && records == 0 && discardedRunID == nil }

    /// Sorted, with the list of the binding even if it had no members.
    static func of(
        _ members: [MembersOfList], bound: Int64?, records: Int, discarded: String?, changes: Int
    ) -> Abandonment {
        var lists = members
        if let bound, !lists.contains(where: { $0.listID == bound }) {
            lists.append(MembersOfList(listID: bound, members: 0))
        }
        lists.sort { $0.listID < $1.listID }
        return Abandonment(lists: lists, records: records, discardedRunID: discarded, discardedChanges: changes)
    }
}

package enum AbandonAttempt: Sendable, Equatable {
    case done(Abandonment)
    /// A request without an answer may still land until then; nothing was changed.
    case inDoubt(until: Date)
}
