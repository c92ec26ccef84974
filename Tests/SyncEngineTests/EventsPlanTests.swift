import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// What a plan of events says beside its numbers.
@Suite(.timeLimit(.minutes(10))) struct EventsPlanTests {
    private static func bench(
        _ newFields: UserSettings.NewFields = .create, name: EventSettings.Name = .constant("order_placed")
    ) async throws -> EventsBench {
        try await EventsBench { events, _, _ in
            events.newFields = newFields
            events.name = name
            events.fields = .only([
                FieldSetting(name: "total", source: .column("total", type: .double)),
                FieldSetting(name: "note", source: .column("note")),
            ])
        }
    }

    @Test func newFieldsAreNamedWithTheirTypes() async throws {
        let bench = try await Self.bench()
        #expect(try await bench.pipeline().plan().notes.isEmpty, "there is nothing to send")
        try await bench.insert("id, email, at, total, note", "1, 'ann@example.com', 100, 2.5, 'red'")
        let plan = try await bench.pipeline().plan()
        #expect(
            plan.notes == [
                "No event order_placed was sent with these fields before, and Iterable makes those that it does not have,"
                    + " for ever: note (string), total (double)."
            ])
        try await bench.run()
        try await bench.add((2, "ben", 200))
        #expect(try await bench.pipeline().plan().notes.isEmpty, "the types are known now")
    }

    @Test func fieldsThatAreRefusedAreLeftOut() async throws {
        let bench = try await Self.bench(.refuse)
        try await bench.add((1, "ann", 100))
        let notes = try await bench.pipeline().plan().notes
        #expect(notes.count == 1 && notes[0].contains("leaves out those that it does not have"), "\(notes)")
    }

    /// A field that Iterable has left out has no type there: it may still be made, of another type.
    @Test func fieldsThatWereLeftOutStayNew() async throws {
        let bench = try await Self.bench(.refuse)
        try await bench.insert("id, email, at, total, note", "1, 'ann@example.com', 100, 2.5, 'red'")
        bench.events.setFate { _, _ in .leaveOut(["total"]) }
        let run = try await bench.run()
        #expect(run.status == .completedWithFailures && run.error?.code == "field_dropped", "\(run)")
        #expect(run.counts.succeeded.track == 1 && run.error?.message.contains("total") == true)
        try await bench.add((2, "ben", 200))
        let notes = try await bench.pipeline().plan().notes
        #expect(notes.count == 1 && notes[0].hasSuffix(": total (double)."), "\(notes)")
    }

    @Test func ofManyNamesSomeAreWrittenOut() async throws {
        let bench = try await Self.bench(name: .column("name"))
        for number in 1...7 {
            try await bench.insert(
                "id, email, at, name", "\(number), 'p\(number)@example.com', 100, 'name\(number)'")
        }
        let notes = try await bench.pipeline().plan().notes
        #expect(notes.count == 6 && notes[0].hasPrefix("No event name1 was sent"), "\(notes)")
        #expect(notes.last == "The same holds for the events of 2 more names.")
    }

    @Test func eventsThatWaitAreCounted() async throws {
        let bench = try await Self.bench()
        bench.events.setFate { events, _ in
            .answer(.answered(events.map { _ in .failed(Self.unknownPerson) }, httpStatus: 200))
        }
        try await bench.add((1, "ann", 100), (2, "ben", 200))
        #expect(try await bench.run().counts.waiting == 2)
        let plan = try await bench.pipeline().plan()
        #expect(plan.counts.planned.track == 2)
        #expect(plan.notes.contains { $0.hasPrefix("2 events wait since an earlier run") }, "\(plan.notes)")
    }

    private static let unknownPerson = FailureReason(
        code: FailureReason.userNotFoundCode, reason: "Iterable does not know the person.", httpStatus: 200)
}
