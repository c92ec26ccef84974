import Foundation

/// The page for the browser: lists, users, requests and faults at a glance. It loads nothing and runs no script.
struct StatusPage {
    let state: SandboxState
    let now: Duration
    let pendingLateRequests: Int

    /// The page.
    var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="refresh" content="2">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Iterable sandbox</title>
        <style>\(Self.style)</style>
        </head>
        <body>
        <header>
        <h1>Iterable sandbox</h1>
        <p>A local stand-in for Iterable. \(reach)</p>
        </header>
        <main>
        \(figures)
        \(section("Lists", lists))
        \(section("Newest users", users))
        \(section("Faults", faults))
        \(section("Recent requests", requests))
        </main>
        </body>
        </html>
        """
    }

    private var reach: String {
        guard let settings = state.webhooks.settings else { return "Nothing here leaves this machine." }
        let host = URLComponents(string: settings.endpoint)?.host ?? ""
        return "What becomes of messages is posted to a webhook at \(Self.escape(host))."
    }

    private var figures: String {
        let traffic = state.traffic
        let numbers: [(String, String)] = [
            ("project", state.options.projectType.rawValue), ("users", "\(state.profiles.count)"),
            ("lists", "\(state.lists.count)"), ("events", "\(state.events.count)"),
            ("catalogs", "\(state.catalogs.count)"), ("requests", "\(traffic.total)"),
            ("refused with 400", "\(traffic.badRequests)"), ("rate limited", "\(traffic.rateLimited)"),
            ("most in flight for one person", "\(traffic.maxInFlightPerIdentifier)"),
            ("still to be applied", "\(pendingLateRequests)"),
            ("catalog changes still to be carried out", "\(state.catalogs.values.map(\.pending).reduce(0, +))"),
            ("events for the webhook", "\(state.webhooks.journal.count)"),
        ]
        let cells = numbers.map { "<div><dt>\($0.0)</dt><dd>\(Self.escape($0.1))</dd></div>" }
        let alarm =
            traffic.channelUnsubscribes == 0
            ? ""
            : "<p class=\"alarm\" role=\"alert\">\(traffic.channelUnsubscribes) requests had "
                + "<code>channelUnsubscribe: true</code>: in a real project those people would be unsubscribed from "
                + "the whole channel.</p>"
        return alarm + "<dl>\(cells.joined())</dl>"
    }

    private var lists: String {
        let rows = state.lists.values.sorted { $0.id > $1.id }.map { list -> [String] in
            let newest = list.newest.reversed().compactMap { state.profiles[$0] }.prefix(6)
            let names = newest.map { $0.email ?? $0.userID ?? "" }.joined(separator: ", ")
            let kind = list.type == .standard && !list.accepts(at: now) ? "not visible yet" : list.type.rawValue
            return ["\(list.id)", list.name, kind, "\(list.members.count)", names]
        }
        return table(["Id", "Name", "Type", "Members", "Newest members"], rows, empty: "No lists yet.")
    }

    private var users: String {
        let rows = state.profiles.newestNumbers(12).map { number -> [String] in
            let profile = state.profiles[number]
            return [
                profile?.email ?? "", profile?.userID ?? "", "\(profile?.fields.count ?? 0)",
                "\(state.events.count(of: number))",
            ]
        }
        return table(["Email", "User id", "Fields", "Events"], rows, empty: "No users yet.")
    }

    private var faults: String {
        let rows = state.faults.active.map { [$0.fault.description, "\($0.happened)"] }
        return table(["Fault", "Happened"], rows, empty: "None: every request is answered as the API would.")
    }

    private var requests: String {
        let rows = state.traffic.requests.suffix(25).reversed().map { record in
            [
                record.time.formatted(.iso8601), "\(record.method) \(record.path)",
                record.status.map(String.init) ?? "no answer", record.rowCount.map(String.init) ?? "",
                [record.fault.map { "fault \($0)" }, record.reason].compactMap { $0 }.joined(separator: "; "),
            ]
        }
        return table(["Time (UTC)", "Request", "Status", "Rows", "Remarks"], rows, empty: "No requests yet.")
    }

    private func section(_ title: String, _ content: String) -> String {
        "<section><h2>\(title)</h2>\(content)</section>"
    }

    private func table(_ heads: [String], _ rows: [[String]], empty: String) -> String {
        guard !rows.isEmpty else { return "<p class=\"empty\">\(empty)</p>" }
        let head = heads.map { "<th scope=\"col\">\($0)</th>" }.joined()
        let body = rows.map { row in
            "<tr>" + row.map { "<td>\(Self.escape($0))</td>" }.joined() + "</tr>"
        }
        return
            "<div class=\"scroll\"><table><thead><tr>\(head)</tr></thead><tbody>\(body.joined())</tbody></table></div>"
    }

    /// Text that is safe inside an element or a quoted attribute.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }

    private static let style = """
        :root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--text:#1c2330;--soft:#5d6878;--line:#e1e5eb;
        --mark:#6a3fc4;--alarm:#b3261e}
        @media (prefers-color-scheme:dark){:root{--back:#12151b;--card:#1b2029;--text:#e6e9ef;--soft:#9aa5b5;
        --line:#2c3440;--mark:#b79cff;--alarm:#ff8a80}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif}
        header,main{max-width:1080px;margin:0 auto;padding:0 20px}
        header{padding-top:28px}h1{margin:0;font-size:24px;color:var(--mark)}
        header p{margin:2px 0 18px;color:var(--soft)}
        h2{margin:0 0 10px;font-size:16px}
        section,dl,.alarm{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px;
        margin:0 0 16px}
        dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px}
        dt{color:var(--soft);font-size:13px}dd{margin:0;font-size:20px;font-variant-numeric:tabular-nums}
        .scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
        th{color:var(--soft);font-weight:500;font-size:13px;text-align:left}
        th,td{padding:6px 12px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
        tr:last-child td{border-bottom:0}td{font-variant-numeric:tabular-nums;overflow-wrap:break-word}
        .empty{margin:0;color:var(--soft)}.alarm{border-color:var(--alarm);color:var(--alarm)}
        """
}
