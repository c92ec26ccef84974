import Foundation
import Testing

@testable import RollcallCore

@Suite struct ReceiverCredentialsTests {
    private let token = "projectkey:iterablekey"
    private var credentials: ReceiverCredentials {
        ReceiverCredentials([.token(Secret("old:token")), .token(Secret(token))])
    }

    private func accepts(_ values: String...) -> Bool {
        credentials.accepts([(name: "host", value: "a")] + values.map { (name: "authorization", value: $0) })
    }

    @Test(arguments: [
        "%", "Basic %", "basic %", "BASIC  %", "Basic =", "bAsIc =", "OAuth2 %", "oauth2 %", " % ", "\t%",
    ])
    func tokensAreTakenInEachForm(_ form: String) {
        for token in [token, "old:token", "tök€n"] {
            let base64 = Data(token.utf8).base64EncodedString()
            let value = form.replacingOccurrences(of: "%", with: token).replacingOccurrences(of: "=", with: base64)
            let isConfigured = token != "tök€n"
            #expect(accepts(value) == isConfigured, "\(value)")
            let other = ReceiverCredentials([.token(Secret("tök€n"))])
            #expect(other.accepts([(name: "authorization", value: value)]) == !isConfigured)
        }
    }

    @Test func paddingMayBeMissing() {
        let base64 = Data("old:token".utf8).base64EncodedString().replacingOccurrences(of: "=", with: "")
        #expect(accepts("Basic \(base64)"))
    }

    @Test(arguments: [
        "", "projectkey", "projectkey:iterablekeY", "projectkey:iterablekey2", "Basic", "Basic ",
        "Bearer projectkey:iterablekey",
        "Basicprojectkey:iterablekey", "OAuth2 cHJvamVjdGtleTppdGVyYWJsZWtleQ==", "cHJvamVjdGtleTppdGVyYWJsZWtleQ==",
        "Basic Basic projectkey:iterablekey", "projectkey:iterablekey,projectkey:iterablekey", "Basic =", "OAuth2 =",
    ])
    func otherValuesAreNot(_ value: String) {
        #expect(!accepts(value))
    }

    @Test func aHeaderThatComesTwiceProvesNothing() {
        #expect(!accepts())
        #expect(!accepts(token, token))
        #expect(!accepts(token, "x"))
    }

    @Test func anAgreedHeaderIsCompared() {
        let credentials = ReceiverCredentials([.header(name: "x-webhook-key", value: Secret("s3cret"))])
        #expect(credentials.accepts([(name: "x-webhook-key", value: " s3cret ")]))
        #expect(!credentials.accepts([(name: "x-webhook-key", value: "S3cret")]))
        #expect(!credentials.accepts([(name: "authorization", value: "s3cret")]))
        #expect(!credentials.accepts([]))
    }

    @Test func anEmptyTokenIsNeverRight() {
        let credentials = ReceiverCredentials([.token(Secret("")), .header(name: "x", value: Secret(""))])
        for headers in [[], [(name: "authorization", value: "")], [(name: "x", value: "")]] {
            #expect(!credentials.accepts(headers))
        }
        #expect(!credentials.accepts([(name: "authorization", value: "Basic ")]))
    }

    @Test(arguments: ["localhost", "localhost:8430", "127.0.0.1:8430", "[::1]:8430", "[::1]"])
    func withoutCredentialsALoopbackNameIsTaken(_ host: String) {
        #expect(UnprotectedReceiver.accepts([(name: "host", value: host)]))
        for header in ["forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"] {
            #expect(!UnprotectedReceiver.accepts([(name: "host", value: host), (name: header, value: "127.0.0.1")]))
        }
    }

    @Test(arguments: [
        "", "example.com", "example.com:8430", "localhost.example.com", "127.0.0.1.nip.io", "0.0.0.0", "127.1",
    ])
    func withoutCredentialsOtherHostsAreNot(_ host: String) {
        #expect(!UnprotectedReceiver.accepts([(name: "host", value: host)]))
        #expect(!UnprotectedReceiver.accepts([(name: "host", value: "localhost"), (name: "host", value: host)]))
    }

    /// A page of any site may post to this machine; its browser says so.
    @Test(arguments: [
        ("origin", "https://example.com"), ("origin", "null"), ("origin", "http://localhost:8430"), ("origin", ""),
        ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", ""),
    ])
    func withoutCredentialsNoPagePosts(_ name: String, _ value: String) {
        let host = (name: "host", value: "localhost:8430")
        #expect(!UnprotectedReceiver.accepts([host, (name: name, value: value)]))
        #expect(!UnprotectedReceiver.accepts([(name: name, value: value), host]))
        #expect(UnprotectedReceiver.accepts([host, (name: "sec-fetch-site", value: "none")]))
        let both = [host, (name: "sec-fetch-site", value: "none"), (name: "sec-fetch-site", value: "cross-site")]
        #expect(!UnprotectedReceiver.accepts(both))
    }

    @Test func withoutAHostNothingIsTaken() { #expect(!UnprotectedReceiver.accepts([])) }
}

@Suite struct KnownEventsTests {
    @Test func filtersGoByName() {
        let named = ReceiverSettings.Events.named(["emailOpen"], unknown: false)
        let withUnknown = ReceiverSettings.Events.named(["emailOpen"], unknown: true)
        #expect(named.includes("emailOpen") && withUnknown.includes("emailOpen"))
        #expect(!named.includes("emailopen") && withUnknown.includes("emailopen"))
        #expect(!named.includes("emailClick") && !withUnknown.includes("emailClick"))
        #expect(!named.includes("newThing") && withUnknown.includes("newThing"))
        #expect(!named.includes(nil) && withUnknown.includes(nil))
        #expect(ReceiverSettings.Events.all.includes(nil))
        #expect(Set(KnownEvents.names).count == KnownEvents.names.count && KnownEvents.contains("whatsAppSeen"))
    }
}
