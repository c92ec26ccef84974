import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// The views on what Iterable sends back.
enum ReceiverViewConformance {
    static let tests = [
        ConformanceTest(
            "who unsubscribed and did not subscribe again stands in latest_unsubscribes once", unsubscribes),
        ConformanceTest("a subscription lifts what it names", targets),
        ConformanceTest("people are the same by userId, and by the email that it was seen with", people),
        ConformanceTest("what an unsubscription lacks of a person is taken from other events", knownPeople),
        ConformanceTest("emails are the same in any case", anyCase),
        ConformanceTest("masked unsubscriptions are never taken for one person's", masked),
        ConformanceTest("bodies that cannot be read spoil no view", unreadable),
        ConformanceTest("email_engagement counts the events of each email and person", engagement),
    ]

    private typealias Scene = ReceiverScene

    private static let leave = "emailUnSubscribe"
    private static let enter = "emailSubscribe"

    /// - Parameter fields: the members of `dataFields`.
    private static func event(
        _ number: Int, _ name: String, _ email: String?, _ userID: String? = nil, at seconds: Double? = nil,
        _ fields: String = ""
    ) -> ReceivedEvent {
        var event = Scene.event(number, at: Double(number), name: name, payload: "{\"dataFields\": {\(fields)}}")
        (event.email, event.userID) = (email, userID)
        event.occurredAt = seconds.map { Scene.noon.addingTimeInterval($0) }
        event.messageID = "m-\(number)"
        return event
    }

    /// `email user_id message_id`, by message.
    private static func rows(_ scene: Scene, _ events: [ReceivedEvent]) async throws -> [String] {
        try await scene.store(1, events)
        return try await scene.query("email, user_id, message_id", "latest_unsubscribes").map { row in
            row.map { $0 ?? "-" }.joined(separator: " ")
        }.sorted { $0.components(separatedBy: "m-")[1] < $1.components(separatedBy: "m-")[1] }
    }

    @Sendable static func unsubscribes(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var whole = event(11, leave, "a@example.com", "u-a", at: 5)
        (whole.campaignID, whole.channelID, whole.messageTypeID) = (7, 8, 9)
        let found = try await rows(
            scene,
            [
                // The latest of three by the time at which it happened, not by arrival.
                whole, event(12, leave, "a@example.com", "u-a", at: 4),
                event(13, "hostedUnsubscribeClick", "a@example.com", "u-a", at: 3),
                // Subscribed again later, or before.
                event(21, leave, "b@example.com", at: 1), event(22, enter, "b@example.com", at: 2),
                event(23, leave, "c@example.com", at: 2), event(24, enter, "c@example.com", at: 1),
                // At the same moment: whoever left is left in peace.
                event(25, leave, "d@example.com", at: 1), event(26, enter, "d@example.com", at: 1),
                // Only a list was left; a list was entered only; a list beside a channel.
                event(31, leave, "e@example.com", at: 1, #""emailListIds": [1], "channelIds": []"#),
                event(32, leave, "f@example.com", at: 1),
                event(33, enter, "f@example.com", at: 2, #""userListIds": [1]"#),
                event(34, leave, "g@example.com", at: 1, #""emailListIds": [1], "channelIds": [4]"#),
                event(
                    35, leave, "h@example.com", at: 1, #""emailListIds": [], "channelIds": null, "messageTypeIds": []"#),
                // No such event, no person, and without a time that can be read: then by arrival.
                event(41, "emailOpen", "i@example.com"), event(42, leave, nil),
                event(43, "hostedUnsubscribeClick", nil, "u-j"),
                event(44, enter, "k@example.com"), event(45, leave, "k@example.com"),
            ])
        #expect(
            found == [
                "a@example.com u-a m-11", "c@example.com - m-23", "d@example.com - m-25", "f@example.com - m-32",
                "g@example.com - m-34", "h@example.com - m-35", "- u-j m-43", "k@example.com - m-45",
            ])
        let columns = "email, user_id, event_name, campaign_id, message_id, channel_id, message_type_id"
        #expect(
            try await scene.query(columns, "latest_unsubscribes", "WHERE user_id = 'u-a'")
                == [["a@example.com", "u-a", leave, "7", "m-11", "8", "9"]])
        #expect(
            try await scene.query("email", "latest_unsubscribes", "WHERE occurred_at IS NULL ORDER BY message_id")
                == [[nil], ["k@example.com"]])
    }

    @Sendable static func targets(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var clicked = event(51, "hostedUnsubscribeClick", "f@example.com", at: 1)
        (clicked.channelID, clicked.messageTypeID) = (4, 9)
        var other = clicked
        (other.eventID, other.email, other.messageID) = (Scene.id(53), "g@example.com", "m-53")
        let found = try await rows(
            scene,
            [
                // The same channel, another, one of two, a message type of the same number, everything, something.
                event(11, leave, "a@example.com", at: 1, #""channelIds": [4]"#),
                event(12, enter, "a@example.com", at: 2, #""channelIds": ["4"]"#),
                event(21, leave, "b@example.com", at: 1, #""channelIds": [4]"#),
                event(22, enter, "b@example.com", at: 2, #""channelIds": [5]"#),
                event(31, leave, "c@example.com", at: 1, #""channelIds": [4, 6], "messageTypeIds": [9]"#),
                event(32, enter, "c@example.com", at: 2, #""channelIds": [5], "messageTypeIds": [8, 9]"#),
                event(33, leave, "d@example.com", at: 1, #""channelIds": [4]"#),
                event(34, enter, "d@example.com", at: 2, #""messageTypeIds": [4]"#),
                event(41, leave, "e@example.com", at: 1, #""channelIds": [4]"#),
                event(42, enter, "e@example.com", at: 2),
                event(43, leave, "h@example.com", at: 1),
                event(44, enter, "h@example.com", at: 2, #""channelIds": [5]"#),
                // A click names what its message was of.
                clicked, event(52, enter, "f@example.com", at: 2, #""messageTypeIds": [9]"#),
                other, event(54, enter, "g@example.com", at: 2, #""messageTypeIds": [8]"#),
                // The later one was lifted, the earlier one was not.
                event(61, leave, "i@example.com", at: 1, #""channelIds": [4]"#),
                event(62, leave, "i@example.com", at: 2, #""channelIds": [5]"#),
                event(63, enter, "i@example.com", at: 3, #""channelIds": [5]"#),
            ])
        #expect(
            found == [
                "b@example.com - m-21", "d@example.com - m-33", "g@example.com - m-53", "i@example.com - m-61",
            ])
    }

    @Sendable static func people(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var elsewhere = event(61, enter, "f@example.com", at: 9)
        elsewhere.destination = "other"
        let found = try await rows(
            scene,
            [
                // One person, whose address changed, and whose userId was not sent at first.
                event(11, leave, "old@example.com", at: 1), event(12, leave, "old@example.com", "u-1", at: 2),
                event(13, leave, "new@example.com", "u-1", at: 3), event(14, leave, "new@example.com", at: 4),
                event(15, leave, nil, "u-1", at: 0),
                // Came back under the address that only another event shows to be theirs.
                event(21, leave, "b@example.com", at: 1), event(22, leave, "b@example.com", "u-2", at: 0),
                event(23, enter, nil, "u-2", at: 2),
                // Two people of one address: it is the one's who had it last.
                event(31, leave, "c@example.com", "u-3", at: 1), event(32, leave, "c@example.com", "u-4", at: 2),
                event(33, enter, "c@example.com", at: 3),
                // A userId that looks like an address is no address.
                event(41, leave, nil, "d@example.com", at: 1), event(42, enter, "d@example.com", at: 2),
                // What a person does elsewhere is another matter.
                event(60, leave, "f@example.com", at: 1), elsewhere,
            ])
        #expect(
            found == [
                "new@example.com u-1 m-14", "c@example.com u-3 m-31", "- d@example.com m-41", "f@example.com - m-60",
            ])
    }

    @Sendable static func knownPeople(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var elsewhere = event(31, "emailOpen", "d@example.com", "u-4")
        elsewhere.destination = "other"
        let found = try await rows(
            scene,
            [
                // Clicked and unsubscribed, and then once more without a userId.
                event(11, "emailClick", "a@example.com", "u-1", at: 0), event(12, leave, "a@example.com", "u-1", at: 1),
                event(13, "hostedUnsubscribeClick", "a@example.com", at: 2),
                // The address is known from an open alone; of two people it is the one's who had it last.
                event(14, "emailOpen", "b@example.com", "u-2", at: 1), event(15, leave, "b@example.com", at: 3),
                event(16, "emailOpen", "b@example.com", "u-0", at: 0),
                // The address is the one of the person's newest event of subscription.
                event(21, leave, "old@example.com", "u-3", at: 1), event(22, leave, "new@example.com", "u-3", at: 2),
                event(23, leave, nil, "u-3", at: 3),
                // Known elsewhere only.
                elsewhere, event(32, leave, "d@example.com", at: 1),
                // Came back under a userId that only an open shows to be theirs.
                event(41, leave, "e@example.com", at: 1), event(42, "emailOpen", "e@example.com", "u-5", at: 0),
                event(43, enter, nil, "u-5", at: 2),
            ])
        #expect(
            found == [
                "a@example.com u-1 m-13", "b@example.com u-2 m-15", "new@example.com u-3 m-23", "d@example.com - m-32",
            ])
    }

    @Sendable static func anyCase(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var sent = event(51, "emailSend", "F@Example.com", "u-6")
        sent.messageID = "m-7"
        var opened = event(52, "emailOpen", "f@example.com")
        opened.messageID = "m-7"
        let found = try await rows(
            scene,
            [
                event(11, leave, "Y@example.com", at: 1), event(12, enter, "y@Example.com", at: 2),
                event(21, leave, "Z@example.com", at: 1), event(22, leave, "z@example.com", at: 2),
                event(31, "emailOpen", "X@example.com", "u-1", at: 0), event(32, leave, "x@EXAMPLE.com", at: 1),
                // UserIds are what they are.
                event(41, leave, nil, "U-2", at: 1), event(42, enter, nil, "u-2", at: 2),
                sent, opened,
            ])
        #expect(found == ["z@example.com - m-22", "x@EXAMPLE.com u-1 m-32", "- U-2 m-41"])
        let engagement = try await scene.query(
            "user_id, sent, opened", "email_engagement", "WHERE message_id = 'm-7'")
        #expect(engagement == [["u-6", "1", "1"]])
    }

    @Sendable static func masked(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let found = try await rows(
            scene,
            [
                // Two people, or one twice; and one who came back, who may be anyone.
                event(11, leave, "a***@example.com", "u***", at: 1),
                event(12, leave, "a***@example.com", "u***", at: 2),
                event(13, enter, "a***@example.com", "u***", at: 3),
                event(21, leave, "b***@example.com", at: 1), event(22, "emailOpen", "b***@example.com", "v***", at: 0),
                event(31, leave, nil, "w***", at: 1), event(32, enter, nil, "w***", at: 2),
                // A userId that is an address is masked as one.
                event(35, leave, nil, "j***@example.com", at: 1), event(36, enter, nil, "j***@example.com", at: 2),
                // What only looks similar is no mask.
                event(41, leave, "star*s@example.com", "ab***", at: 1),
                event(42, enter, "star*s@example.com", "ab***", at: 2),
            ])
        #expect(
            found == [
                "a***@example.com u*** m-11", "a***@example.com u*** m-12", "b***@example.com - m-21", "- w*** m-31",
                "- j***@example.com m-35",
            ])
    }

    @Sendable static func unreadable(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var events = ReceiverConformance.oddBodies.enumerated().map { number, body in
            var event = event(number, leave, "p\(number)@example.com")
            event.payload = Array(body.utf8)
            return event
        }
        let fields = [
            #""channelIds": 4"#, #""channelIds": "4""#, #""channelIds": {"a": 1}"#,
            #""channelIds": [null, {"a": [1]}, "x"]"#,
            #""messageTypeIds": [[]], "emailListIds": "none""#, #""emailListIds": 5"#,
        ]
        events += fields.enumerated().map { event(100 + $0, leave, "q\($0)@example.com", at: 0, $1) }
        events += ["[]", "null", "7", #"{"dataFields": null}"#, #"{"dataFields": []}"#].enumerated().map {
            number, body in
            var event = event(200 + number, enter, "r@example.com")
            event.payload = Array(body.utf8)
            return event
        }
        let found = try await rows(scene, events)
        #expect(found.count == ReceiverConformance.oddBodies.count + fields.count - 1, "\(found)")
    }

    @Sendable static func engagement(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var number = 0
        func event(
            _ name: String, _ message: String?, _ email: String?, _ userID: String? = nil, _ campaign: Int64? = nil
        )
            -> ReceivedEvent
        {
            number += 1
            var event = Scene.event(number, at: Double(number), name: name)
            (event.messageID, event.email, event.userID) = (message, email, userID)
            (event.campaignID, event.templateID) = (campaign, campaign.map { $0 * 10 })
            return event
        }
        let open = event("emailOpen", "m-1", "a@example.com", "u-a")
        try await scene.store(
            1,
            [
                event("emailSend", "m-1", "a@example.com", nil, 7), open, open,
                event("emailOpen", "m-1", "a@example.com"),
                event("emailClick", "m-1", "a@example.com", "u-a", 7),
                event("emailUnSubscribe", "m-1", "a@example.com"),
                event("hostedUnsubscribeClick", "m-1", "a@example.com"),
                event("emailSubscribe", "m-1", "a@example.com"),
                event("emailSendSkip", "m-1", "a@example.com"), event("pushSend", "m-1", "a@example.com"),
                event("emailSend", "m-1", "b@example.com"), event("emailBounce", "m-1", "b@example.com"),
                event("emailSend", "m-2", nil, "u-c"), event("emailSend", "m-2", nil, "u-d"),
                event("emailOpen", "m-2", nil, "u-c"),
                event("emailSend", nil, "a@example.com"), event("emailSend", "m-3", nil),
                event("smsSend", "m-4", "a@example.com"),
            ])
        let columns =
            "message_id, email, user_id, campaign_id, template_id, sent, opened, clicked, bounced, unsubscribed"
        let found = try await scene.query(columns, "email_engagement", "ORDER BY message_id, email, user_id")
        #expect(
            found.map { $0.map { $0 ?? "-" }.joined(separator: " ") } == [
                "m-1 a@example.com u-a 7 70 1 2 1 0 2", "m-1 b@example.com - - - 1 0 0 1 0", "m-2 - u-c - - 1 1 0 0 0",
                "m-2 - u-d - - 1 0 0 0 0",
            ])
        #expect(
            try await scene.query("clicked", "email_engagement", "WHERE message_id = 'm-1' AND email LIKE 'a%'") == [
                ["1"]
            ])
    }
}
