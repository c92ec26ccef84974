import Foundation
import RollcallCore
import Testing

/// What a request of which no one knows what became of it does to the entries of its person.
@Suite struct StrayNotesTests {
    private static let marks: [EntryMark?] =
        [nil] + MemberState.allCases.flatMap { [EntryMark($0, listed: true), EntryMark($0, listed: false)] }

    @Test func nothingThatIsReliedOnStays() {
        for before in Self.marks {
            for isOwn in [true, false] {
                let removed = EntryTransition.noted(before, .remove, isOwn: isOwn)
                switch before?.state {
                case .subscribed, .subscribing:
                    #expect(removed == .put(EntryMark(.unsubscribing, listed: before?.listed ?? true)))
                default: #expect(removed == .keep)
                }
            }
        }
    }

    @Test func whoMayHaveBeenPutThereIsListed() {
        for before in Self.marks {
            let put = EntryTransition.noted(before, .put, isOwn: true)
            if before?.listed == true {
                #expect(put == .keep)
            } else {
                #expect(put == .put(EntryMark(before?.state ?? .subscribing, listed: true)))
            }
            let other = EntryTransition.noted(before, .put, isOwn: false)
            #expect(
                other
                    == (before?.state == .subscribed
                        ? .put(EntryMark(.subscribing, listed: before?.listed ?? true)) : .keep))
        }
    }

    private func note(
        _ run: String, _ operation: RollcallCore.Operation, _ number: UInt64, _ email: String?, _ userID: String?
    ) -> StrayNote {
        StrayNote(
            runID: run, entries: .list(7), fingerprint: Fingerprint(high: number, low: 0),
            identity: Identity(email: email, userID: userID), operation: operation, mayLandUntil: .distantPast)
    }

    private func entry(_ number: UInt64, _ email: String?, _ userID: String?, list: Int64 = 7) -> NotedEntry {
        NotedEntry(
            entries: .list(list), fingerprint: Fingerprint(high: number, low: 0),
            identity: Identity(email: email, userID: userID), mark: EntryMark(.subscribed, listed: true))
    }

    @Test func removalsCountBeforeOthersAndLaterRunsBeforeEarlier() throws {
        let notes = [
            note("r1", .unsubscribe, 1, "a", nil), note("r2", .unsubscribe, 1, "a", nil),
            note("r3", .subscribe, 2, "a", "u"),
        ]
        let changed = StrayNotes.apply(notes, [entry(1, "a", nil), entry(3, "b", nil)])
        #expect(changed.count == 2)
        let old = try #require(changed.first { $0.fingerprint.high == 1 })
        #expect(old.mark == EntryMark(.unsubscribing, listed: true) && old.changedBy == "r2")
        let new = try #require(changed.first { $0.fingerprint.high == 2 })
        #expect(new.mark == EntryMark(.subscribing, listed: true) && new.changedBy == "r3")
    }

    @Test func anEmailIsNoUserIDAndAnotherListIsAnotherList() {
        let notes = [note("r1", .unsubscribe, 9, "a", "u")]
        #expect(StrayNotes.apply(notes, [entry(1, "u", "a"), entry(2, "a", nil, list: 8)]).isEmpty)
        // An é of one character, and of two.
        let precomposed = note("r1", .unsubscribe, 9, "\u{e9}", nil)
        #expect(StrayNotes.apply([precomposed], [entry(1, "e\u{301}", nil)]).isEmpty)
        #expect(StrayNotes.apply([precomposed], [entry(1, "\u{e9}", nil)]).count == 1)
    }

    /// What may have put another content in is in doubt; the content that is there already is not.
    @Test func anotherContentIsInDoubt() throws {
        func record(_ content: Int64) -> RecordReference { RecordReference(key: "a", itemID: "a", content: content) }
        func changed(_ state: MemberState, sent: Int64, _ operation: RollcallCore.Operation = .put) -> EntryMark? {
            let note = StrayNote(
                runID: "r1", entries: .records(.catalog), fingerprint: Fingerprint(high: 1, low: 0),
                identity: Identity(email: nil, userID: nil), record: record(sent), operation: operation,
                mayLandUntil: .distantPast)
            let entry = NotedEntry(
                entries: .records(.catalog), fingerprint: note.fingerprint, identity: note.identity, record: record(5),
                mark: EntryMark(state, listed: true))
            return StrayNotes.apply([note], [entry]).first?.mark
        }
        #expect(changed(.subscribed, sent: 5) == nil)
        #expect(changed(.subscribed, sent: 6) == EntryMark(.subscribing, listed: true))
        #expect(changed(.rejected, sent: 6) == EntryMark(.subscribing, listed: true))
        #expect(changed(.unsubscribing, sent: 6) == nil)
        #expect(changed(.subscribed, sent: 5, .delete) == EntryMark(.unsubscribing, listed: true))
    }
}
