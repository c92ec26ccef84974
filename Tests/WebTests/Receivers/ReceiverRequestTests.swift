import Foundation
import NIOHTTP1
import Receivers
import RollcallCore
import Testing

@testable import Web

/// How requests are read, without sockets.
@Suite struct ReceiverRequestTests {
    @Test(arguments: [
        ("/hook", "/hook", nil), ("/hook?a=/b", "/hook", nil), ("/", "/", nil), ("*", "*", nil), ("", "", nil),
        ("http://example.com/hook?x=1", "/hook", "example.com"), ("HTTPS://a:443", "/", "a:443"),
        ("http://a?b", "/", "a"), ("a:443", "a:443", nil), ("/x://y/z", "/x://y/z", nil), ("/a%2fb", "/a%2fb", nil),
        ("?a", "", nil),
    ])
    func targetsAreTakenApart(_ text: String, _ path: String, _ authority: String?) {
        let target = RequestTarget(text)
        #expect(target.path == path && target.authority == authority)
    }

    private func head(_ uri: String, _ headers: [(String, String)], version: HTTPVersion = .http1_1) -> HTTPRequestHead
    {
        HTTPRequestHead(version: version, method: .POST, uri: uri, headers: HTTPHeaders(headers))
    }

    @Test func theServiceSeesWhatWasSent() throws {
        let read = try #require(
            ReceiverRequest.head(
                head("/hook?token=1", [("Host", "a"), ("X-Token", "B"), ("x-token", "C")]), peer: "10.0.0.1"))
        #expect(read.method == "POST" && read.path == "/hook" && read.peer == "10.0.0.1")
        #expect(read.headers.map(\.name) == ["host", "x-token", "x-token"])
        #expect(read.headers.map(\.value) == ["a", "B", "C"])
    }

    /// A host that stands in the target is the one that counts, as in RFC 9112.
    @Test func theTargetsHostCounts() throws {
        let read = try #require(
            ReceiverRequest.head(head("http://evil.example/hook", [("host", "localhost")]), peer: nil))
        #expect(read.headers.filter { $0.name == "host" }.map(\.value) == ["evil.example"])
    }

    @Test func oneHostIsNeeded() {
        #expect(ReceiverRequest.head(head("/", []), peer: nil) == nil)
        #expect(ReceiverRequest.head(head("/", [("host", "a"), ("host", "a")]), peer: nil) == nil)
        #expect(ReceiverRequest.head(head("/", [], version: .http1_0), peer: nil) != nil)
    }

    @Test func bodiesAreForeseen() {
        #expect(ReceiverRequest(head("/", [])).length == 0)
        #expect(ReceiverRequest(head("/", [("content-length", "12")])).length == 12)
        #expect(ReceiverRequest(head("/", [("transfer-encoding", "chunked")])).length == nil)
        let expecting = [("expect", "100-Continue"), ("content-length", "1")]
        #expect(ReceiverRequest(head("/", expecting)).expectsContinue)
        #expect(!ReceiverRequest(head("/", expecting, version: .http1_0)).expectsContinue)
        #expect(!ReceiverRequest(head("/", [("expect", "100-continue")])).expectsContinue)
        #expect(ReceiverRequest(head("/", [("content-encoding", "identity, br")])).isEncoded)
        #expect(!ReceiverRequest(head("/", [("content-encoding", "Identity")])).isEncoded)
        #expect(!ReceiverRequest(head("/", [("upgrade", "h2c")])).keepsAlive)
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (1_796_000_461, "Mon, 30 Nov 2026 01:01:01 GMT"),
    ])
    func datesAreThoseOfHTTP(_ second: Int, _ text: String) { #expect(HTTPDate.text(time_t(second)) == text) }
}
