import Foundation
import RollcallCore
import Testing

@testable import Receivers

/// Repeats are known by their ids, also those of an event that another version stored: ids never change.
@Suite struct EventMakerTests {
    /// Made by Python's `hmac` with SHA-256, under the bytes 0 to 31, over receiver and canonical body, each behind its length.
    @Test(
        arguments: [
            (
                "engagement", " {\"b\":1.0,\"a\":\"\\u0078\"}",
                "55850ebd09e058fab8f79061677d9d99735b6437dc6cd2b23bf13ad99108fbb2"
            ),
            ("engagement", "{}", "a17585336a1e7cd452978708d860558acdf9a1cb32f0847d11db047bc67d0f41"),
            ("\u{e9}", "{}", "11a47556e2826d602a34a7123d195f3408d01f5bb774d9f00fab28121b149add"),
        ])
    func anIDIsTheCodeOfReceiverAndBody(_ receiver: String, _ body: String, _ id: String) throws {
        let maker = EventMaker(key: Array(0..<32))
        let read = try ReceivedBody(Array(body.utf8))
        // Not the first time only.
        for form in [LogSettings.Identifiers.plain, .masked, .hashed] {
            let event = maker.event(
                read, receiver: receiver, destination: nil, receivedAt: Date(timeIntervalSince1970: 0), form: form)
            #expect(event.eventID == id)
        }
    }
}
