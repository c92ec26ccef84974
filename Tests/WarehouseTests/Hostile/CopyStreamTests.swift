import RollcallCore
import SeededRandom
import Testing

@testable import Warehouse

/// The binary COPY stream, cut and spoilt.
@Suite struct CopyStreamTests {
    private struct Stream {
        var bytes: [UInt8] = []
        /// Where a row begins, and where the stream's end mark does.
        var borders: [Int] = []
        var rows: [[String?]] = []
    }

    private static func stream(_ random: inout SeededGenerator) -> Stream {
        var writer = BinaryCopyWriter()
        var stream = Stream()
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            stream.borders.append(writer.bytes.count)
            writer.beginRow(fields: 2)
            let row: [String?] = (0...1).map { _ in
                Int.random(in: 0...4, using: &random) == 0
                    ? nil : String(repeating: "é\0x", count: Int.random(in: 0...5, using: &random))
            }
            for field in row { writer.text(field) }
            stream.rows.append(row)
        }
        stream.borders.append(writer.bytes.count)
        writer.finish()
        stream.bytes = writer.bytes
        return stream
    }

    private static func read(_ messages: [ArraySlice<UInt8>]) -> Result<[[String?]], any Error> {
        let reader = PostgresAudienceReader(email: .text, userID: .text)
        var rows: [[String?]] = []
        do {
            for message in messages {
                try Array(message).withUnsafeBytes { bytes in
                    try reader.read(bytes) { email, userID in
                        rows.append([email, userID].map { $0.bytes.map { String(decoding: $0, as: UTF8.self) } })
                    }
                }
            }
            return .success(rows)
        } catch {
            return .failure(error)
        }
    }

    @Test func rowsAreTheSameHoweverTheyComeInMessages() throws {
        var random = SeededGenerator(seed: 61)
        for _ in 0..<800 {
            let stream = Self.stream(&random)
            var cuts = stream.borders.filter { _ in Bool.random(using: &random) }
            cuts = [0] + cuts + [stream.bytes.count]
            let messages = zip(cuts, cuts.dropFirst()).map { stream.bytes[$0..<$1] }
            #expect(try Self.read(messages).get() == stream.rows)
        }
    }

    /// The server never cuts inside a row (PostgreSQL's documentation, "Message Formats", CopyData). Should something
    /// between do so, the reading ends; no other rows come out.
    @Test func rowsCutAnywhereAreTheSameOrAnError() {
        var random = SeededGenerator(seed: 67)
        var refused = 0
        for _ in 0..<6_000 {
            let stream = Self.stream(&random)
            let cuts = (0...Int.random(in: 0...3, using: &random))
                .map { _ in Int.random(in: 0...stream.bytes.count, using: &random) }.sorted()
            let all = [0] + cuts + [stream.bytes.count]
            switch Self.read(zip(all, all.dropFirst()).map { stream.bytes[$0..<$1] }) {
            case .success(let rows): #expect(rows == stream.rows, "\(cuts) of \(stream.bytes)")
            case .failure(let error):
                refused += 1
                #expect((error as? WarehouseError)?.kind == .other)
            }
        }
        #expect(refused > 1_000)
    }

    @Test func spoiltStreamsEndWithAnErrorOrWithRows() {
        var random = SeededGenerator(seed: 71)
        let wires: [PostgresColumn.Wire] = [.text, .integer, .uuid, .castText, .castNumeric, .castOpaque]
        for _ in 0..<20_000 {
            var bytes = Self.stream(&random).bytes
            for _ in 0...Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0...4, using: &random) {
                case 0: bytes[place] = [0, 1, 2, 4, 8, 16, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                case 3: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
                default: bytes[place] ^= UInt8(1 << Int.random(in: 0...7, using: &random))
                }
            }
            let reader = PostgresAudienceReader(
                email: wires.randomElement(using: &random), userID: wires.randomElement(using: &random))
            var seen = 0
            bytes.withUnsafeBytes { message in
                try? reader.read(message) { email, userID in
                    seen += 1
                    // Every byte that is given out can be read.
                    for cell in [email, userID] { _ = cell.bytes?.reduce(UInt8(0)) { $0 ^ $1 } }
                }
            }
            #expect(seen <= bytes.count / 2)
        }
    }
}
