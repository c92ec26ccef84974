internal import Foundation

/// Reads the files of a configuration: bounded, regular enough, UTF-8.
enum ConfigurationFile {
    /// Largest configuration, `.env` or query file that is read: 1 MiB.
    static let maximumBytes = 1_048_576

    /// Why a file could not be read, in words for the user.
    struct Failure: Error {
        var message: String
        var hint: String?
        var position: Position?
        /// The file is simply not there.
        var isMissing = false
    }

    /// The text of a file, without a byte order mark.
    static func read(_ path: String) throws(Failure) -> String {
        try decode(readBytes(path))
    }

    private static func readBytes(_ path: String) throws(Failure) -> Data {
        var isDirectory: ObjCBool = false
        guard !path.contains("\0"), FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw Failure(message: "there is no such file", isMissing: true)
        }
        guard !isDirectory.boolValue else { throw Failure(message: "this is a directory, not a file") }
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw Failure(message: "the file cannot be read: permission denied", hint: "Check its owner and mode.")
        }
        defer { try? handle.close() }
        var data = Data()
        while data.count <= maximumBytes {
            let part: Data?
            do {
                part = try handle.read(upToCount: maximumBytes + 1 - data.count)
            } catch {
                throw Failure(message: "the file cannot be read")
            }
            guard let part, !part.isEmpty else { return data }
            data.append(part)
        }
        throw Failure(message: "the file is larger than 1 MiB, the most that is read")
    }

    private static func decode(_ data: Data) throws(Failure) -> String {
        if data.starts(with: [0xFF, 0xFE]) || data.starts(with: [0xFE, 0xFF]) {
            throw Failure(message: "the file is UTF-16", hint: "Save it as UTF-8.")
        }
        let bytes = data.starts(with: [0xEF, 0xBB, 0xBF]) ? data.dropFirst(3) : data
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(
                message: "the text is not valid UTF-8", hint: "Save the file as UTF-8.",
                position: firstInvalid(in: bytes))
        }
        return text
    }

    /// Place of the first byte that is not UTF-8.
    private static func firstInvalid(in bytes: Data) -> Position {
        var position = Position(line: 1, column: 1)
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            if scalar == "\n" {
                position = Position(line: position.line + 1, column: 1)
            } else {
                position.column += 1
            }
        }
        return position
    }
}
