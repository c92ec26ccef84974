import RollcallCore

@testable import Warehouse

private let wires: [PostgresColumn.Wire] = [.text, .integer, .uuid, .castText, .castNumeric, .castOpaque]

/// The binary COPY stream: the same rows in whatever messages it comes, or an error.
func fuzz(_ bytes: [UInt8]) {
    var input = Bytes(bytes)
    let email = wires[input.number(below: wires.count)]
    let userID = wires[input.number(below: wires.count)]
    let cut = input.number(below: 200)
    let stream = input.remainder()
    let whole = read([stream[...]], email, userID)
    guard cut < stream.count else { return }
    let parts = read([stream[..<cut], stream[cut...]], email, userID)
    if whole.isComplete && parts.isComplete && !endsEarly(stream) {
        require(whole.rows == parts.rows, "other rows when it is cut at \(cut)")
    }
}

private func read(
    _ messages: [ArraySlice<UInt8>], _ email: PostgresColumn.Wire, _ userID: PostgresColumn.Wire
) -> (rows: [[[UInt8]?]], isComplete: Bool) {
    let reader = PostgresAudienceReader(email: email, userID: userID)
    var rows: [[[UInt8]?]] = []
    do {
        for message in messages {
            try Array(message).withUnsafeBytes { bytes in
                try reader.read(bytes) { email, userID in
                    rows.append([email, userID].map { $0.bytes.map { Array($0) } })
                }
            }
        }
        return (rows, true)
    } catch {
        return (rows, false)
    }
}

/// Whether an end mark may stand before the end: what comes after it in the same message is not read.
private func endsEarly(_ stream: [UInt8]) -> Bool {
    stream.dropLast(2).indices.contains { stream[$0] == 0xff && stream[$0 + 1] == 0xff }
}
