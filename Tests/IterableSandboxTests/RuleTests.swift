import Testing

@testable import IterableSandbox

@Suite("Rules")
struct RuleTests {
    @Test(
        "Accepted addresses",
        arguments: [
            "a@b.com", "a.b+c@sub.shop.co.uk", "!#$%&'*+-/=?^_`{|}~@shop.com", "\"a b\"@shop.com", "a@[127.0.0.1]",
            "a@xn--bcher-kva.de", "a@bücher.de", "ü@shop.com", "a@shop.email", "1@1.com",
            String(repeating: "x", count: 64) + "@shop.com",
        ])
    func goodEmail(_ email: String) {
        #expect(EmailRules.isValid(EmailRules.normalized(email)))
    }

    @Test(
        "Refused addresses",
        arguments: [
            "", "a", "user@", "@shop.com", "000", "a@shop", "a@localhost", "a@a.test", "a@a.local", "a@a.example",
            "a@a.invalid", "a@a.localhost", ".a@shop.com", "a.@shop.com", "a..b@shop.com", "a b@shop.com",
            "a@shop.com.", "a@-shop.com", "a@shop-.com", "a@shop..com", "a(b)@shop.com", "a,b@shop.com", "a@b@c.com",
            "a@shop.1", "a@1.2.3.4", "a@[300.0.0.1]", "a@sh_op.com", "a@shop.c", "\"a@shop.com", "a\u{7}@shop.com",
            String(repeating: "x", count: 65) + "@shop.com", "a@" + String(repeating: "x", count: 64) + ".com",
        ])
    func badEmail(_ email: String) {
        #expect(!EmailRules.isValid(EmailRules.normalized(email)))
    }

    @Test("User ids are 1 to 52 printable ASCII characters without a trailing space")
    func userIDs() {
        for id in ["a", " a", "A b", "~!", String(repeating: "x", count: 52)] { #expect(UserIDRules.isValid(id)) }
        for id in ["", "a ", " ", "ä", "a\n", "a\u{7F}", String(repeating: "x", count: 53)] {
            #expect(!UserIDRules.isValid(id))
        }
    }

    @Test(
        "SHA-256 gives the digests of FIPS 180-4",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                String(repeating: "a", count: 1_000_000),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
            ),
        ])
    func digest(_ text: String, _ expected: String) {
        #expect(HashedIdentifier.hexDigest(of: text) == expected)
    }

    @Test("An identifier that repeats finds the oldest profile that still has it")
    func index() {
        var index = IdentityIndex()
        for number in [4, 7, 2] { index.add("x", number) }
        #expect(index.all("x") == [2, 4, 7])
        index.remove("x", 2)
        #expect(index.first("x") == 4)
        index.remove("x", 7)
        #expect(index.all("x") == [4])
        index.remove("x", 4)
        #expect(index.first("x") == nil)
    }

    @Test("A rate below one per second lets one request pass")
    func slowBucket() {
        var bucket = LeakyBucket()
        let limit = RateLimit.perSecond(0.5)
        let admitted = [10, 11, 12].map { bucket.admits(at: .seconds($0), limit: limit) }
        #expect(admitted == [true, false, true])
    }

    @Test("Options out of range are refused")
    func options() {
        func refused(_ change: (inout SandboxOptions) -> Void) -> SandboxError? {
            var options = SandboxOptions()
            change(&options)
            do {
                _ = try Sandbox(options: options)
                return nil
            } catch {
                return error as? SandboxError
            }
        }
        #expect(refused { $0.dataCenter = .eu } == .emailProjectInEU)
        #expect(
            refused {
                $0.dataCenter = .eu
                $0.projectType = .hybrid
            } == nil)
        #expect(refused { $0.port = 70_000 } != nil)
        #expect(refused { $0.requestsPerSecond = 0 } != nil)
        #expect(refused { $0.apiKey = "" } != nil)
        #expect(refused { $0.listVisibleAfterSeconds = -1 } != nil)
        #expect(refused { $0.bulkEventsAfterSeconds = 3601 } != nil)
        #expect(refused { $0.catalogItemsAfterSeconds = -1 } != nil)
    }
}
