import Foundation
import Testing

@testable import Simulation

/// The oracle's own way to an event's id, against values of other programs (Python's hashlib).
@Suite struct DerivedIDTests {
    struct Case: Sendable {
        var namespace: String
        var parts: [[String]]
        var id: String
    }

    static let cases = [
        Case(
            namespace: "tracks", parts: [["string", "v-1"]], id: "rc-a28b084bc929ca0af195c138a18eac883b590a3c"),
        Case(namespace: "tracks", parts: [["long", "17"]], id: "rc-25a127e83571ca2a6d153357a265b352293dd839"),
        Case(namespace: "tracks", parts: [["string", "17"]], id: "rc-06bd7d4f6c0d64803a6d903646cdfc43d72c3da8"),
        Case(
            namespace: "tracks", parts: [["string", "v-1"], ["long", "0"]],
            id: "rc-f1d12f6b94a8efc296255c438d103394b6695318"),
        Case(namespace: "", parts: [["string", ""]], id: "rc-776e83e63af29b1ca010a7903884ab931b0113d5"),
        Case(
            namespace: "a", parts: [["string", "b"], ["string", "c"]],
            id: "rc-33fc64e3e7c6827396347f271c32d9aa030e19cd"),
    ]

    @Test(arguments: cases)
    func anIDIsMadeOfNamespaceAndKey(_ example: Case) {
        #expect(DerivedID.of(example.namespace, example.parts.map { (family: $0[0], text: $0[1]) }) == example.id)
    }

    /// Messages of one block, of two, and of more.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 200), "c2a908d98f5df987ade41b5fce213067efbcc21ef2240212a41e54b5e7c28ae5"),
    ])
    func theHashIsSHA256(message: String, digest: String) {
        let hash = DerivedID.sha256(Array(message.utf8))
        #expect(hash.map { String(format: "%02x", $0) }.joined() == digest)
    }
}
