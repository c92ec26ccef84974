import Foundation
import RollcallCore

@testable import RollcallConfig

private let environment = ["SECRET": "s3cr3t-c4n4ry-value", "WORD": "word", "EMPTY": ""]

/// Configurations, `.env` files, names of tables and addresses: right, or refused with a reason, without a secret.
func fuzz(_ bytes: [UInt8]) {
    var input = Bytes(bytes)
    let kind = input.number(below: 4)
    let text = String(decoding: input.remainder(), as: UTF8.self)
    switch kind {
    case 0: configuration(text)
    case 1: table(text)
    case 2: address(text)
    default: environmentFile(text)
    }
}

private func configuration(_ text: String) {
    do {
        let configuration = try Configuration.parse(
            text: text, path: "rollcall.yaml", folder: "/nowhere", environment: environment)
        for destination in configuration.destinations.values {
            let components = URLComponents(string: destination.baseURL)
            let host = (components?.host ?? "").filter { $0 != "[" && $0 != "]" }
            require(
                components?.scheme == "https" || LoopbackAddress.contains(host), "a key in clear text to \(host)")
        }
    } catch {
        let shown = error.description
        require(!error.problems.isEmpty && !shown.isEmpty, "refused without a reason")
        require(!shown.contains("s3cr3t-c4n4ry"), "a secret is shown")
        require(
            !shown.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || (0x7f...0x9f).contains($0.value) },
            "a control character is shown")
    }
}

private func table(_ text: String) {
    guard let parts = try? TableName.parse(text, foldsCase: false) else { return }
    require((1...2).contains(parts.count) && parts.allSatisfy { !$0.isEmpty && !$0.utf8.contains(0) }, "odd parts")
    let written = parts.map { part in
        "\"" + part.unicodeScalars.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
    }
    let again = try? TableName.parse(written.joined(separator: "."), foldsCase: true)
    require(again.map { $0.map { Array($0.utf8) } } == parts.map { Array($0.utf8) }, "not the same name again")
}

private func address(_ text: String) {
    guard let address = try? BaseAddress(text) else { return }
    let components = URLComponents(string: address.text + "/api/lists")
    let host = components?.host?.lowercased().filter { $0 != "[" && $0 != "]" }
    require(host == address.host && components?.scheme == address.scheme, "leads to \(host ?? "nowhere")")
    require(components?.user == nil && components?.query == nil && components?.fragment == nil, "more than an address")
}

private func environmentFile(_ text: String) {
    let parsed = DotEnvironment(text)
    for key in parsed.values.keys { require(Substitution.isName(key[...]), "not a name: \(key)") }
    for value in parsed.values.values where value.utf8.count > 12 {
        for failure in parsed.failures { require(!failure.message.contains(value), "a value is shown") }
    }
}
