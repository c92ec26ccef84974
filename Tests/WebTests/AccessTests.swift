import HTTPTypes
import RollcallCore
import Testing

@testable import Web

@Suite struct AccessTests {
    @Test(arguments: [
        ("ci:operator:s3cret", "s3cret", Role.operator), ("a:read:x,b:operator:y:z", "y:z", .operator),
        (" a:read:tok , b:operator:other ", "tok", .read), ("a:read:tok,", "tok", .read),
    ])
    func environmentTokens(text: String, token: String, role: Role) throws {
        var tokens = AccessTokens()
        try tokens.add(environment: text)
        #expect(tokens.principal(of: token)?.role == role)
        #expect(tokens.principal(of: token + "x") == nil)
        #expect(tokens.principal(of: "") == nil)
    }

    @Test(arguments: ["justatoken", "a:admin:x", ":read:x", "a:read:", "a:read:x,a:operator:y"])
    func badEnvironmentTokensAreRefusedWithoutShowingThem(text: String) {
        var tokens = AccessTokens()
        let error = #expect(throws: RunError.self) { try tokens.add(environment: text) }
        #expect(error?.code == "tokens")
        #expect(error.map { !"\($0)".contains("justatoken") } == true)
    }

    @Test func hashedTokens() {
        var tokens = AccessTokens()
        // SHA-256 of "abc": FIPS 180-2, appendix B.1.
        let isAdded = tokens.add(
            name: "x", role: .read, sha256: "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD")
        #expect(isAdded)
        #expect(tokens.principal(of: "abc") == Principal(name: "x", role: .read))
        let isShortAdded = tokens.add(name: "y", role: .read, sha256: "abcd")
        let isOtherAdded = tokens.add(name: "y", role: .read, sha256: String(repeating: "zz", count: 32))
        #expect(!isShortAdded && !isOtherAdded)
    }

    /// Every route with no token, a wrong one, a reader's and an operator's.
    @Test func everyRouteAsksForWhatItNeeds() async throws {
        try await WebBench.with { bench in
            let routes = bench.server.routes.filter { $0.path != "/api/v1/events" && $0.path != "/logout" }
            #expect(routes.count > 25)
            try await bench.routes { client in
                for route in routes {
                    let path = route.path.replacing("{name}", with: "vip").replacing("{sync}", with: "vip")
                        .replacing("{id}", with: "0198c5f0-0000-7000-8000-000000000000")
                    for token in [nil, "wrong", WebBench.readToken] {
                        let answer = try await client.call(route.method, path, token: token)
                        let expected: Int? =
                            switch route.access {
                            case .anybody: nil
                            case .reader: token == WebBench.readToken ? nil : 401
                            case .operators: token == WebBench.readToken ? 403 : 401
                            }
                        if let expected {
                            #expect(answer.status == expected, "\(route.method) \(path) with \(token ?? "no token")")
                            #expect(answer.header("content-type") == "application/problem+json")
                            if expected == 401 {
                                #expect(answer.header("www-authenticate")?.hasPrefix("Bearer") == true)
                            }
                        } else {
                            #expect(![401, 403].contains(answer.status) || path == "/login", "\(route.method) \(path)")
                        }
                    }
                }
            }
            #expect(bench.destination.deliveries == 0, "a request without the right moved something")
        }
    }

    @Test(arguments: [
        ("evil.example", 403), ("evil.example:8420", 403), ("127.0.0.1.evil.example", 403), ("localhost:8420", 200),
        ("127.0.0.1:99", 200), ("127.8.9.1", 200), ("LOCALHOST", 200),
    ])
    func withoutTokensOnlyNamesOfThisMachineAreAnswered(host: String, status: Int) {
        #expect(RequestOrigin.namesLoopback(host, listeningOn: "127.0.0.1") == (status == 200))
    }

    @Test func addressesOfThisMachine() {
        for host in ["127.0.0.1", "::1", "localhost", "LOCALHOST", "[::1]"] { #expect(LoopbackAddress.contains(host)) }
        for host in ["0.0.0.0", "::", "10.0.0.1", "127.0.0", "127.0.0.256", "127.0.0.1.x", ""] {
            #expect(!LoopbackAddress.contains(host))
        }
        #expect(RequestOrigin.namesLoopback("[::1]:8420", listeningOn: "::1"))
        #expect(RequestOrigin.namesLoopback("[::1]", listeningOn: "::1"))
        #expect(!RequestOrigin.namesLoopback(nil, listeningOn: "127.0.0.1"))
    }

    @Test func withoutTokensTheServerIsOpenToThisMachine() async throws {
        try await WebBench.with(tokens: nil) { bench in
            try await bench.routes { client in
                let answer1 = try await client.get("/api/v1/syncs", token: nil)
                #expect(answer1.status == 200)
                let answer2 = try await client.post("/api/v1/syncs/vip/pause", token: nil)
                #expect(answer2.status == 200)
                let foreign = try await client.post(
                    "/api/v1/syncs/vip/runs", token: nil, ["origin": "https://evil.example"])
                #expect(foreign.status == 403)
                #expect(try foreign.json["code"] as? String == "cross_site")
                let site = try await client.post(
                    "/api/v1/syncs/vip/runs", token: nil, ["sec-fetch-site": "cross-site"])
                #expect(site.status == 403)
                let sibling = try await client.post(
                    "/api/v1/syncs/vip/runs", token: nil, ["sec-fetch-site": "same-site"])
                #expect(sibling.status == 403)
            }
            #expect(bench.destination.deliveries == 0)
        }
    }

    @Test func withoutTokensOtherMachinesAreRefusedAtTheStart() async throws {
        for host in ["0.0.0.0", "192.168.1.4", "::", "example.com"] {
            await #expect(throws: RunError.self) {
                try await WebBench.with(tokens: nil, adjust: { $0.host = host }) { _ in }
            }
        }
    }

    @Test func tokensCanBeReplaced() async throws {
        try await WebBench.with { bench in
            var tokens = AccessTokens()
            try tokens.add(environment: "new:read:fresh")
            try bench.server.replaceTokens(tokens)
            try await bench.routes { client in
                let old = try await client.get("/api/v1/syncs")
                #expect(old.status == 401)
                let fresh = try await client.get("/api/v1/syncs", token: "fresh")
                #expect(fresh.status == 200)
            }
        }
    }
}
