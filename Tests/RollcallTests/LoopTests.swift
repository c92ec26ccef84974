import Foundation
import IterableSandbox
import TestSupport
import Testing

/// The loop of `samples/loop`: a list goes to Iterable, what people do with its messages comes back, and becomes a list.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LoopTests {
    /// Runs the sync of those who clicked until nothing is left to be done: its own messages make some people leave.
    private func settle(_ scene: LoopScene) async throws {
        for _ in 0..<10 {
            #expect(try await scene.isQuiet())
            let counts = try await scene.run("engaged")
            if counts.planned == .init(subscribe: 0, unsubscribe: 0) { return }
        }
        Issue.record("the list does not come to rest")
    }

    @Test func whoClicksBecomesAList() async throws {
        try await LoopScene.with(auth: .bare) { scene in
            let program = try await scene.serving()
            #expect(try await scene.run("newsletter").succeeded.subscribe == 200)
            #expect(try await scene.isQuiet())
            #expect(scene.sandbox.webhookJournal.allSatisfy { $0.statuses == [204] }, "\(program.errorsSoFar)")
            let rows = try await scene.rows()
            #expect(rows == scene.wanted && rows.count == scene.sandbox.webhookEventCount)
            let first = scene.engaged
            #expect(try await scene.run("engaged").succeeded.subscribe == first.count)
            #expect(!first.isEmpty && scene.members("Engaged") == first)

            // The list causes messages too, and whoever unsubscribes because of one leaves it.
            try await settle(scene)
            #expect(scene.members("Engaged") == scene.engaged)
            #expect(!first.isSubset(of: scene.engaged), "a person has left; else this says nothing")
            #expect(try await scene.rows() == scene.wanted)
            let names = Set(scene.sandbox.webhookJournal.map(\.eventName))
            #expect(names == ["emailSend", "emailOpen", "emailClick", "emailBounce", "emailUnSubscribe"])
            try await end(program)
        }
    }

    @Test func whatComesTwiceIsOneRowAndWhatIsLostIsNone() async throws {
        let faults = ["duplicate:p=0.3", "reorder:p=0.5", "drop:p=0.1", "retry-on-5xx:seconds=0.1"]
        try await LoopScene.with(faults: faults, auth: .oauth2) { scene in
            let program = try await scene.serving()
            _ = try await scene.run("newsletter")
            try await settle(scene)
            let (rows, journal) = (try await scene.rows(), scene.sandbox.webhookJournal)
            #expect(rows == scene.wanted)
            #expect(rows.values.contains { $0.deliveries == 2 })
            let dropped = journal.filter { $0.state == .dropped }
            #expect(!dropped.isEmpty && rows.count == journal.count - dropped.count)
            #expect(scene.members("Engaged") == scene.engaged)
            try await end(program)
        }
    }

    @Test func whatWasAnsweredIsThereAlsoAfterACrash() async throws {
        // One post after the other: the crash falls among them.
        let faults = ["retry-on-5xx:seconds=1"]
        try await LoopScene.with(faults: faults, auth: .base64, concurrentRequests: 1) { scene in
            let first = try await scene.serving()
            _ = try await scene.run("newsletter")
            #expect(try await eventually { scene.sandbox.webhookJournal.count { $0.deliveries > 0 } > 20 })
            first.signal(SIGKILL)
            _ = try await first.output()
            let second = try await scene.serving()
            #expect(try await scene.isQuiet())
            let (rows, journal) = (try await scene.rows(), scene.sandbox.webhookJournal)
            let answered = Set(journal.filter { $0.deliveries > 0 }.map { ReceivedBody($0.body).canonical })
            let posted = Set(journal.map { ReceivedBody($0.body).canonical })
            #expect(answered.count > 20 && answered.isSubset(of: rows.keys))
            #expect(posted.isSuperset(of: rows.keys), "and nothing that was never posted")
            for record in journal where record.deliveries > 0 {
                let count = rows[ReceivedBody(record.body).canonical]?.deliveries ?? 0
                #expect((record.deliveries...record.statuses.count).contains(count), "\(record)")
            }
            try await end(second)
        }
    }

    /// Whatever an unsubscription lacks of a person, it keeps that person off the list.
    @Test func whoIsUnsubscribedByEitherIdentifierStaysAway() async throws {
        try await LoopScene.with(auth: .bare) { scene in
            _ = try await scene.run("newsletter")
            let events = [
                // Clicked, and unsubscribed; the later click on the hosted page has no userId.
                ("emailClick", "'customer1@example.com'", "'c-1001'", 4),
                ("emailUnSubscribe", "'customer1@example.com'", "'c-1001'", 3),
                ("hostedUnsubscribeClick", "'Customer1@example.com'", "NULL", 2),
                ("emailClick", "'customer2@example.com'", "'c-1002'", 4),
                // Never seen with email and userId together.
                ("emailClick", "NULL", "'c-1003'", 4), ("emailUnSubscribe", "'CUSTOMER3@example.com'", "NULL", 3),
                // Came back under the address in other letters.
                ("emailClick", "'customer4@example.com'", "'c-1004'", 4),
                ("emailUnSubscribe", "'Customer4@example.com'", "NULL", 3),
                ("emailSubscribe", "'customer4@EXAMPLE.com'", "NULL", 2),
            ]
            for (number, (name, email, userID, hours)) in events.enumerated() {
                let time = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-\(hours) hours')"
                try await scene.fixture.execute(
                    """
                    INSERT INTO rollcall_iterable_events (event_id, receiver, destination, event_name, email, user_id,
                        occurred_at, received_at, last_received_at, deliveries, payload)
                    VALUES ('e\(number)', 'engagement', 'marketing', '\(name)', \(email), \(userID),
                        \(time), \(time), \(time), 1, '{}')
                    """)
            }
            _ = try await scene.run("engaged")
            #expect(scene.members("Engaged") == ["c-1002", "c-1004"])
        }
    }

    private func end(_ program: RunningProgram) async throws {
        program.signal(SIGTERM)
        let output = try await program.output()
        #expect(output.code == 0 && !output.all.contains(LoopScene.token), "\(output.all)")
    }
}
