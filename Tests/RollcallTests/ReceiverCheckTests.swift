import Foundation
import Iterable
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

@testable import rollcall

/// What `check` and alerts say of receivers.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ReceiverCheckTests {
    // MARK: The webhook in Iterable

    private func finding(
        _ webhooks: [RemoteWebhook], credentials: [ReceiverSettings.Credential] = [.token(Secret("t"))]
    ) -> Finding {
        let receiver = ReceiverSettings(name: "r", path: "/hooks/r", warehouse: "w", credentials: credentials)
        return WebhookFinding(receiver, webhooks).finding("webhook")
    }

    private func webhook(
        _ endpoint: String = "https://in.example.com/hooks/r", auth: String = "Basic", isEnabled: Bool = true,
        blast: Bool = true, triggered: Bool = true
    ) -> RemoteWebhook {
        RemoteWebhook(
            id: 7, endpoint: endpoint, authType: auth, isEnabled: isEnabled, blastSends: blast,
            triggeredSends: triggered)
    }

    @Test func aWebhookThatPostsHereIsFine() {
        #expect(finding([webhook()]).isFine && finding([webhook()]).fix == nil)
        #expect(finding([webhook("https://in.example.com/proxy/hooks/r?x=1")]).isFine)
        #expect(finding([webhook(blast: false)]).isFine && finding([webhook(auth: "NoAuth")], credentials: []).isFine)
        #expect(finding([webhook(isEnabled: false), webhook()]).isFine)
        let open = finding([webhook("http://in.example.com/hooks/r")])
        #expect(open.isFine && open.fix?.contains("https://") == true)
        let header = ReceiverSettings.Credential.header(name: "x-token", value: Secret("t"))
        #expect(finding([webhook(auth: "NoAuth")], credentials: [header]).isFine, "its headers are not shown")
    }

    @Test func whatKeepsEventsAwayIsFound() {
        let cases: [(Finding, String)] = [
            (finding([]), "none of 0 webhooks"), (finding([webhook("https://x/other")]), "none of 1 webhook"),
            (finding([webhook("https://x/hooks/r2")]), "none of 1 webhook"),
            (finding([webhook(isEnabled: false)]), "not enabled"), (finding([webhook(auth: "NoAuth")]), "no token"),
            (finding([webhook(blast: false, triggered: false)]), "neither"),
        ]
        for (finding, words) in cases {
            #expect(!finding.isFine && finding.detail.contains(words) && finding.fix != nil, "\(finding)")
        }
    }

    @Test func maskedIdentifiersAreAdvisedAgainst() {
        var receiver = ReceiverSettings(name: "r", path: "/hooks/r", warehouse: "shop", credentials: [])
        for form in [LogSettings.Identifiers.plain, .hashed] {
            receiver.identifiers = form
            #expect(ReceiverCheck.masked(receiver) == nil)
        }
        receiver.identifiers = .masked
        let masked = ReceiverCheck.masked(receiver)
        #expect(masked?.isFine == true && masked?.detail.contains("latest_unsubscribes") == true)
        #expect(masked?.fix?.contains("identifiers: hashed") == true)
    }

    /// What left no row counts until the end of its hour, and no longer than the limit.
    @Test func whatIsLeftOutShowsForAsLongAsTheLimitThatSomethingComes() {
        let noon = Date(timeIntervalSince1970: 500_000 * 3600)
        var summary = ReceiverSummary()
        #expect(!ReceiverCheck.isSilent(summary, afterMinutes: 60, now: noon), "nothing ever came")
        summary.latestAt = noon.addingTimeInterval(-20 * 3600)
        for outcome in [ReceiverOutcome.filtered, .withoutUser, .repeated] {
            summary.counts = [ReceiverCount(receiver: "r", hour: noon, outcome: outcome, count: 1)]
            #expect(!ReceiverCheck.isSilent(summary, afterMinutes: 60, now: noon.addingTimeInterval(60)))
            #expect(!ReceiverCheck.isSilent(summary, afterMinutes: 60, now: noon.addingTimeInterval(7199)))
            #expect(ReceiverCheck.isSilent(summary, afterMinutes: 60, now: noon.addingTimeInterval(7200)))
        }
        summary.counts = [ReceiverCount(receiver: "r", hour: noon, outcome: .unauthorized, count: 1)]
        #expect(ReceiverCheck.isSilent(summary, afterMinutes: 60, now: noon), "a stranger is no sign")
    }

    @Test func anAnswerThatSaysLittleIsExplained() {
        #expect(ReceiverTrials.hint("address_not_allowed")?.contains("server.trusted_proxies") == true)
        #expect(ReceiverTrials.hint("not_found")?.contains("has this path") == true)
        #expect(ReceiverTrials.hint("unauthorized") == nil, "it has a hint of its own")
    }

    // MARK: The spool

    @Test func aFolderOfTheSpoolIsLookedAt() async throws {
        try await withFolder { folder in
            func look(_ path: String?, _ bytes: Int64 = 1) -> Finding { SpoolFolder(path, mostBytes: bytes).finding() }
            #expect(look(nil).isFine && look(nil).fix != nil)
            let missing = look(folder.path + "/a/b")
            #expect(missing.isFine && missing.detail.contains("made when it is needed"), "\(missing)")
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/a"), "nothing is made")
            let own = folder.appendingPathComponent("own").path
            try PrivateFiles.makeFolder(own)
            let fine = look(own)
            #expect(fine.isFine && fine.detail.contains("mode 700") && fine.detail.contains("free on /"), "\(fine)")
            #expect(look(own, .max).fix?.contains("free space") == true)
            #expect(chmod(own, 0o755) == 0)
            #expect(look(own).isFine && look(own).fix?.contains("chmod 700") == true, "\(look(own))")
            #expect(chmod(own, 0o770) == 0)
            #expect(!look(own).isFine && look(own).fix?.contains("chmod 700") == true, "\(look(own))")
            let file = folder.appendingPathComponent("file").path
            try PrivateFiles.create("", at: file)
            #expect(!look(file).isFine && !look(file + "/below").isFine)
        }
    }

    @Test func whatWaitsForAnUnknownWarehouseIsFound() async throws {
        try await withFolder { folder in
            let writer = folder.appendingPathComponent("crm/w").path
            try FileManager.default.createDirectory(atPath: writer, withIntermediateDirectories: true)
            func look(_ warehouses: Set<String>) -> [Finding] {
                ReceiverCheck.strays(folder.path, warehouses: warehouses)
            }
            #expect(look([]).isEmpty, "an empty folder holds nothing")
            try Data("RCS1".utf8).write(to: URL(fileURLWithPath: writer + "/000001.spool"))
            let findings = look(["other"])
            #expect(findings.count == 1 && findings.allSatisfy { !$0.isFine && $0.fix != nil }, "\(findings)")
            #expect(findings.first?.detail.contains(folder.path + "/crm") == true, "\(findings)")
            #expect(look(["crm"]).isEmpty && ReceiverCheck.strays(nil, warehouses: []).isEmpty)
        }
    }

    // MARK: The command

    @Test func everythingIsLookedAt() async throws {
        let endpoint = "https://in.example.com\(ReceiverScene.path)"
        let body =
            #"{"lists":[],"webhooks":[{"id":7,"endpoint":"\#(endpoint)","authType":"Basic","enabled":true,"#
            + #""blastSendEnabled":true,"triggeredSendEnabled":true}]}"#
        let iterable = try OneAnswerServer(status: "200 OK", type: "application/json", body: body)
        defer { iterable.stop() }
        try await ReceiverScene.with(.sqlite) { scene in
            let receiver = try await scene.serving()
            try scene.shop.configure { $0.baseURL = iterable.baseURL }
            let text = try String(
                contentsOf: scene.shop.folder.appendingPathComponent("rollcall.yaml"), encoding: .utf8)
            let head = text.components(separatedBy: "syncs:")[0]
            let port = receiver.url.firstMatch(of: /:([0-9]+)\//).map { String($0.output.1) } ?? ""
            let further = """
                receivers:
                  engagement:
                    { type: iterable, path: \(ReceiverScene.path), warehouse: shop, destination: iterable,
                      auth: { basic: ["${WEBHOOK_TOKEN}"] } }
                server:
                  receiver_listen: 127.0.0.1:\(port)
                  receiver_spool: { path: "\(scene.spool.path)" }
                """
            let file = scene.shop.folder.appendingPathComponent("check.yaml")
            try Data((head + further).utf8).write(to: file)
            let first = try await scene.rollcall("check", "--config", "check.yaml")
            #expect(first.code == 0, "\(first.all)")
            for words in [
                "it answers", "receivers, spool: ", "1 token", "none has come yet", "webhook 7 is enabled",
                "warehouse shop, ",
            ] { #expect(first.out.contains(words), "\(words): \(first.all)") }
            #expect(await receiver.post(#"{"email":"a@example.com","eventName":"emailOpen"}"#) == 204)
            _ = try await receiver.end()
            let second = try await scene.rollcall("check", "--config", "check.yaml")
            #expect(second.code == 0 && second.out.contains("nothing answers now"), "\(second.all)")
            #expect(second.out.contains("none of the latest 1 event has one"), "\(second.all)")
            try await pretend(scene, daysAgo: 3)
            let silent = try await scene.rollcall("check", "--config", "check.yaml")
            #expect(silent.code == 1 && silent.out.contains("FAIL receiver engagement, events"), "\(silent.all)")
            for output in [first, second, silent] {
                Disguises.expectNone(of: [ReceiverScene.token], in: output.stdout + output.stderr, "check")
            }
        }
    }

    /// Lets all events have come some days ago.
    private func pretend(_ scene: ReceiverScene, daysAgo days: Double) async throws {
        let past = Date().addingTimeInterval(-days * 86_400).iso8601
        try await scene.shop.execute(
            "UPDATE \(scene.shop.state("iterable_events")) SET received_at = '\(past)', last_received_at = '\(past)'")
    }

    // MARK: Alerts

    /// Two processes watch, one of them sends.
    @Test(arguments: Shop.Kind.allCases) func aSilentReceiverIsAlertedOnceAndRecovers(_ kind: Shop.Kind) async throws {
        let bodies = Mutex<[String]>([])
        let webhook = try OneAnswerServer(
            onRequest: { _, body in bodies.withLock { $0.append(body) } },
            answer: { _ in "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" })
        defer { webhook.stop() }
        func kinds() -> [String] {
            bodies.withLock { $0 }.compactMap {
                let object = (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
                #expect(object?["receiver"] as? String == "engagement" && object?["sync"] is NSNull)
                return object?["kind"] as? String
            }
        }
        try await ReceiverScene.with(kind) { scene in
            let plain = try await scene.serving()
            #expect(await plain.post(ReceiverScene.body("a")) == 204)
            _ = try await plain.end()
            try await pretend(scene, daysAgo: 3)
            try scene.configure(
                further: """
                    alerts:
                      silent_after_minutes: 600
                      webhooks:
                        - { url: "\(webhook.baseURL)/x", kind: json, on: [receiver_silent, recovered] }
                    """)
            let both = [try await scene.serving(), try await scene.serving()]
            #expect(try await eventually { kinds() == ["receiver_silent"] }, "\(both[0].program.errorsSoFar)")
            #expect(await both[1].post(ReceiverScene.body("b")) == 204)
            #expect(
                try await eventually { kinds() == ["receiver_silent", "recovered"] }, "\(both[0].program.errorsSoFar)")
            for receiver in both { _ = try await receiver.end() }
            #expect(kinds() == ["receiver_silent", "recovered"])
        }
    }

    @Test func theMessageSaysSinceWhen() {
        let since = Date(timeIntervalSince1970: 1_800_014_400)
        let alert = Alert(kind: .receiverSilent, subject: .receiver("engagement"), since: since)
        let message = AlertMessage(alert, time: since)
        #expect(message.text.contains("2027-01-15T12:00:00.000Z"), "\(message.text)")
        #expect(message.slack.hasPrefix(#"{"text":"receiver engagement is silent"#), "\(message.slack)")
        #expect(
            message.json.contains(#""kind":"receiver_silent","sync":null,"receiver":"engagement""#), "\(message.json)")
    }
}
