import Foundation
import RollcallCore
import SeededRandom
import Testing

@testable import Iterable

/// Lists as a server with bad intentions would give them.
@Suite struct HostileListTests {
    private static let valid =
        #"{"lists":[{"id":1,"name":"VIP","createdAt":1700000000000,"listType":"Standard","description":"x"},{"id":2,"name":"é"}]}"#

    private static func mutated(_ text: String, _ random: inout SeededGenerator) -> String {
        let parts = [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "-1", "1e400", "9223372036854775808", "0.5", "\\u0000",
            "\\ud800",
            "\"id\":3,", "\"name\":[],", "\u{0}", "é", "true", "\u{feff}",
        ]
        var scalars = Array(text.unicodeScalars)
        for _ in 0...Int.random(in: 0...2, using: &random) {
            let place = Int.random(in: 0..<max(1, scalars.count), using: &random)
            switch Int.random(in: 0...2, using: &random) {
            case 0 where place < scalars.count: scalars.remove(at: place)
            case 1: scalars = Array(scalars.prefix(place))
            default: scalars.insert(contentsOf: (parts.randomElement(using: &random) ?? "").unicodeScalars, at: place)
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }

    @Test func listsAreWholeOrAnError() async throws {
        var random = SeededGenerator(seed: 11)
        var bodies = (0..<300).map { _ in Self.mutated(Self.valid, &random) }
        bodies += [
            String(repeating: "[", count: 50_000), "{\"lists\":" + String(repeating: "[", count: 600), "", "null", "[]",
            "{\"lists\":{}}", "{\"lists\":[{}]}", "{\"lists\":[null]}",
        ]
        let all = bodies
        let readable = try await Harness.run { _, number in
            [.send(Answers.json(200, all[min(number, all.count - 1)]))]
        } _: { harness in
            var readable = 0
            for body in all {
                do throws(DestinationError) {
                    let lists = try await harness.client.lists()
                    readable += 1
                    #expect(lists.count <= 3, "\(body.debugDescription)")
                } catch {
                    #expect(error.error.code == "unreadable_answer", "\(body.debugDescription): \(error)")
                }
            }
            return readable
        }
        #expect(readable > 10 && readable < 250, "\(readable)")
    }

    @Test func aCreatedListHasAnID() async throws {
        let bodies = [
            "{}", "{\"listId\":0}", "{\"listId\":-1}", "{\"listId\":1.5}", "{\"listId\":\"7\"}", "{\"listId\":null}",
            "{\"listId\":9223372036854775808}", "{\"listId\":true}", "[7]", "7", "",
        ]
        try await Harness.run { _, number in
            [.send(Answers.json(200, bodies[min(number, bodies.count - 1)]))]
        } _: { harness in
            for body in bodies {
                await #expect(throws: DestinationError.self, "\(body)") {
                    try await harness.client.createList(name: "x", description: nil)
                }
            }
        }
    }

    @Test func linesAreTheSameHoweverTheyArrive() {
        var random = SeededGenerator(seed: 13)
        let parts = [
            "a@b.com", "\n", "\r\n", "\r", "", "é", "\u{301}", "\0", String(repeating: "x", count: 40), "\n\n",
        ]
        for _ in 0..<3_000 {
            let text = (0...Int.random(in: 0...8, using: &random)).map { _ in parts.randomElement(using: &random) ?? ""
            }
            .joined()
            let bytes = Array(text.utf8)
            var whole: [String] = []
            var splitter = LineSplitter(longest: 100)
            let isWholeRead = splitter.consume(bytes) { whole.append($0) }
            if isWholeRead { splitter.finish { whole.append($0) } }
            var pieces: [String] = []
            var second = LineSplitter(longest: 100)
            var isRead = true
            var rest = bytes[...]
            while isRead, !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...9, using: &random))
                isRead = second.consume(piece) { pieces.append($0) }
                rest = rest.dropFirst(piece.count)
            }
            if isRead { second.finish { pieces.append($0) } }
            #expect(isRead == isWholeRead, "\(text.debugDescription)")
            if isRead {
                #expect(pieces.map { Array($0.utf8) } == whole.map { Array($0.utf8) }, "\(text.debugDescription)")
            }
            #expect(!whole.contains { $0.utf8.contains(10) || $0.isEmpty })
        }
    }
}
