import Foundation
import Testing

/// The forms in which a secret could slip out, beside its own.
enum Disguises {
    static func forms(of secret: String) -> [Data] {
        let bytes = Array(secret.utf8)
        var texts = [secret, "\(secret.debugDescription.dropFirst().dropLast())"]
        let hexadecimal = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        texts += [hexadecimal.joined(), hexadecimal.joined().uppercased()]
        texts.append(hexadecimal.map { "%" + $0 }.joined())
        texts.append(hexadecimal.map { "\\u00" + $0 }.joined())
        for allowed in [CharacterSet.alphanumerics, .urlQueryAllowed, .urlPasswordAllowed, .urlPathAllowed] {
            if let text = secret.addingPercentEncoding(withAllowedCharacters: allowed) {
                texts += [text, text.replacing(/%[0-9A-F]{2}/) { $0.output.lowercased() }]
            }
        }
        for options in [[], JSONSerialization.WritingOptions.withoutEscapingSlashes] {
            if let json = try? JSONSerialization.data(withJSONObject: [secret], options: options) {
                texts.append(String(decoding: json.dropFirst(2).dropLast(2), as: UTF8.self))
            }
        }
        texts.append(
            secret.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;"))
        texts += base64(bytes)
        return Set(texts).map { Data($0.utf8) }
    }

    /// The part of the base64 form that is the same whatever stands around the secret, for the three places in a group
    /// of bytes where it can begin; in both alphabets.
    private static func base64(_ bytes: [UInt8]) -> [String] {
        (0...2).flatMap { offset in
            let text = Data([UInt8](repeating: 0, count: offset) + bytes).base64EncodedString()
            let first = (offset * 8 + 5) / 6
            let last = (offset + bytes.count) * 8 / 6
            let part = String(text.prefix(last).dropFirst(first))
            return [part, part.replacing("+", with: "-").replacing("/", with: "_")]
        }
    }

    /// Records an issue for each secret that is in the data, in any form.
    static func expectNone(
        of secrets: [String], in data: Data, _ place: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for secret in secrets {
            for form in forms(of: secret) where data.range(of: form) != nil {
                Issue.record(
                    "\(place) has a secret in it, as \(String(decoding: form, as: UTF8.self))",
                    sourceLocation: sourceLocation)
            }
        }
    }

    /// The same for every file under a folder; returns how many there are.
    @discardableResult
    static func expectNone(
        of secrets: [String], under folder: URL, sourceLocation: SourceLocation = #_sourceLocation
    ) -> Int {
        let names = FileManager.default.enumerator(atPath: folder.path)?.allObjects as? [String] ?? []
        var files = 0
        for name in names {
            guard let data = try? Data(contentsOf: folder.appendingPathComponent(name)) else { continue }
            files += 1
            expectNone(of: secrets, in: data, name, sourceLocation: sourceLocation)
        }
        return files
    }
}

@Suite struct DisguisesTests {
    @Test func everyFormIsFound() throws {
        let secret = "a+/\"é<%25-x9"
        let carriers = [
            "x\(secret)y", "x" + Data("12\(secret)3".utf8).base64EncodedString(),
            Data("1\(secret)".utf8).base64EncodedString(), "%61%2b%2f%22%c3%a9%3c%25%32%35%2d%78%39",
            "a%2B%2F%22%C3%A9%3C%2525%2Dx9", "{\"k\":\"a+\\/\\\"é<%25-x9\"}", "a+/\\\"é<%25-x9",
        ]
        for carrier in carriers {
            let data = Data(carrier.utf8)
            #expect(Disguises.forms(of: secret).contains { data.range(of: $0) != nil }, "\(carrier)")
        }
        #expect(!Disguises.forms(of: secret).contains { Data("a+/é<%25-x8".utf8).range(of: $0) != nil })
    }
}
