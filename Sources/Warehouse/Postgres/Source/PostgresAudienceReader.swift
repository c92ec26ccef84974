import Foundation
import RollcallCore

/// Turns the binary COPY of an audience into cells, without copying a value that is text already.
final class PostgresAudienceReader {
    private let email: PostgresColumn.Wire?
    private let userID: PostgresColumn.Wire?
    private let emailDecoder: PostgresDecoder?
    private let userIDDecoder: PostgresDecoder?
    /// How many fields of a row they take.
    let fields: Int
    private let reader = BinaryCopyReader()
    /// Room for one formatted value of each of the two columns; a UUID takes 36 bytes, an integer at most 20.
    // SAFETY: owned by this object and freed in `deinit`; each column writes to its own half, before the cell is given out.
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * width, alignment: 8)
    private static let width = 40

    /// - Parameter encoding: of the server, where texts come in its own bytes; nil: they are UTF-8.
    init(email: PostgresColumn.Wire?, userID: PostgresColumn.Wire?, encoding: PostgresEncoding? = nil) {
        self.email = email
        self.userID = userID
        emailDecoder = encoding?.makeDecoder()
        userIDDecoder = encoding?.makeDecoder()
        fields = (email == nil ? 0 : 1) + (userID == nil ? 0 : 1)
    }

    deinit { scratch.deallocate() }

    func read(_ message: UnsafeRawBufferPointer, _ body: (AudienceCell, AudienceCell) throws -> Void) throws {
        try reader.read(message, fields: fields) { row in
            let (first, second) = try cells(&row)
            try body(first, second)
        }
    }

    /// The two cells at the place in a row; valid until the next call.
    @inline(__always)
    func cells(_ row: inout BinaryFieldCursor) throws -> (AudienceCell, AudienceCell) {
        let first = try cell(&row, email, 0, emailDecoder)
        return (first, try cell(&row, userID, Self.width, userIDDecoder))
    }

    @inline(__always)
    private func cell(
        _ row: inout BinaryFieldCursor, _ wire: PostgresColumn.Wire?, _ offset: Int, _ decoder: PostgresDecoder?
    ) throws -> AudienceCell {
        guard let wire, let bytes = try row.field() else { return .null }
        switch wire {
        case .text, .castText:
            if let decoder { return decoder.cell(bytes, isIdentifier: true) }
            return AudienceCell(bytes: bytes)
        case .castOpaque:
            if let decoder { return decoder.cell(bytes, isIdentifier: false) }
            return AudienceCell(bytes: bytes, isIdentifier: false)
        case .castNumeric: return numeric(bytes)
        case .integer: return AudienceCell(bytes: try integer(bytes, offset))
        case .uuid: return AudienceCell(bytes: try uuid(bytes, offset))
        }
    }

    /// `5` and `5.00` are the identifier `5`; `5.10`, `NaN` and `Infinity` are none.
    private func numeric(_ bytes: UnsafeRawBufferPointer) -> AudienceCell {
        guard let point = bytes.firstIndex(of: UInt8(ascii: ".")) else {
            let isNumber = bytes.last.map { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ?? false
            return AudienceCell(bytes: bytes, isIdentifier: isNumber)
        }
        guard bytes[(point + 1)...].allSatisfy({ $0 == UInt8(ascii: "0") }) else {
            return AudienceCell(bytes: bytes, isIdentifier: false)
        }
        return AudienceCell(bytes: UnsafeRawBufferPointer(rebasing: bytes[..<point]))
    }

    private func integer(_ bytes: UnsafeRawBufferPointer, _ offset: Int) throws -> UnsafeRawBufferPointer {
        let place = UnsafeMutableRawBufferPointer(rebasing: scratch[offset..<offset + Self.width])
        return DecimalDigits.write(try BinaryFieldCursor.integer(bytes), toEndOf: place)
    }

    private func uuid(_ bytes: UnsafeRawBufferPointer, _ offset: Int) throws -> UnsafeRawBufferPointer {
        let place = UnsafeMutableRawBufferPointer(rebasing: scratch[offset..<offset + PostgresUUID.length])
        try PostgresUUID.write(bytes, to: place)
        return UnsafeRawBufferPointer(place)
    }
}

/// The text form of a UUID.
enum PostgresUUID {
    static let length = 36

    /// - Parameters:
    ///   - bytes: 16, as the server sends them.
    ///   - place: room for ``length`` bytes.
    static func write(_ bytes: UnsafeRawBufferPointer, to place: UnsafeMutableRawBufferPointer) throws {
        guard bytes.count == 16 else { throw BinaryFieldCursor.broken }
        var end = 0
        for index in 0..<16 {
            if index == 4 || index == 6 || index == 8 || index == 10 {
                place[end] = UInt8(ascii: "-")
                end += 1
            }
            place[end] = digit(bytes[index] >> 4)
            place[end + 1] = digit(bytes[index] & 15)
            end += 2
        }
    }

    @inline(__always)
    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
