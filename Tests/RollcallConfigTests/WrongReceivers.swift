import Testing

/// One change that spoils a receiver or what `server` says of it, and everything that is said about it.
struct WrongReceivers: Sendable, CustomTestStringConvertible {
    /// The whole file.
    var text: String
    /// The change itself.
    var testDescription: String
    var headline: String
    var expected: String?

    init(_ part: ReceiversSample.Part, _ new: String, _ headline: String, expected: String? = nil) {
        self.init(
            text: ReceiversSample.text(ReceiversSample.replacing(part, with: new)), new.isEmpty ? "no \(part)" : new,
            headline, expected: expected)
    }

    /// One line more.
    init(line: String, _ headline: String, expected: String? = nil) {
        self.init(
            text: ReceiversSample.text("\(ReceiversSample.rest)\n\(line)"), line, headline, expected: expected)
    }

    /// Another content of `auth`.
    init(auth: String, _ headline: String, expected: String? = nil) {
        self.init(.auth, "auth: \(auth)", headline, expected: expected)
    }

    /// What `server` says.
    init(server: String, _ headline: String, expected: String? = nil) {
        self.init(text: ReceiversSample.text(server: "{ \(server) }"), server, headline, expected: expected)
    }

    init(text: String, _ description: String, _ headline: String, expected: String? = nil) {
        self.text = text
        testDescription = description
        self.headline = "rollcall.yaml:\(headline)"
        self.expected = expected
    }
}

extension WrongReceivers {
    static let all = [parts, paths, auth, headers, events, rules, listen, spool].flatMap(\.self)

    private static let aPath = "a path such as /webhooks/iterable/engagement"
    private static let names = "all, or a list of names such as [emailOpen, emailClick]"
    private static let range =
        "an address such as 203.0.113.7 or 2001:db8::7, or a range such as 10.0.0.0/8"
    private static let clean = "printable ASCII without blanks or line breaks around it"
    private static let noSecret = "no secret in the file"
    private static let aSize = "a size such as 500KB, 1MB or 1GB"

    /// Parts that are missing, or something else altogether.
    private static let parts = [
        WrongReceivers(
            .type, "", "9:3: the key \"type\" is missing in receivers.engagement", expected: "type: iterable"),
        WrongReceivers(
            .type, "type: iterabel",
            "10:11: receivers.engagement.type \"iterabel\" is not one of the choices; did you mean \"iterable\"?",
            expected: "iterable"),
        WrongReceivers(
            .path, "", "9:3: the key \"path\" is missing in receivers.engagement",
            expected: "path: text that is not empty"),
        WrongReceivers(
            .warehouse, "", "9:3: the key \"warehouse\" is missing in receivers.engagement",
            expected: "warehouse: text that is not empty"),
        WrongReceivers(
            .warehouse, "warehouse: cmr",
            "12:16: there is no warehouse \"cmr\" (receivers.engagement.warehouse); did you mean \"crm\"?",
            expected: "one of crm, shop"),
        WrongReceivers(
            .destination, "destination: marketting",
            "13:18: there is no destination \"marketting\" (receivers.engagement.destination); did you mean "
                + "\"marketing\"?", expected: "one of marketing, sandbox"),
        WrongReceivers(
            line: "require_userid: true",
            "15:5: unknown key \"require_userid\" in receivers.engagement; did you mean \"require_user_id\"?"),
        WrongReceivers(
            text: ReceiversSample.text("type: iterable").replacing("\n    type: iterable", with: " /webhooks"),
            "a text", "9:15: receivers.engagement is a single value, not a mapping",
            expected: "a mapping with the keys type, path, warehouse, destination, auth, events, require_user_id, "
                + "identifiers, allow_from, retention_days"),
        WrongReceivers(
            text: ReceiversSample.text().replacing("  engagement:", with: "  my receiver:"), "a name with a blank",
            "9:3: \"my receiver\" cannot be the name of a receiver",
            expected: "1 to 100 letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit"),
        WrongReceivers(
            text: ReceiversSample.text(
                others: "  second: { type: iterable, path: /webhooks/iterable, warehouse: shop }"),
            "two receivers with one path",
            "15:35: receivers.second.path \"/webhooks/iterable\" is the path of receivers.engagement already",
            expected: "another path"),
    ]

    private static let paths = [
        WrongReceivers(
            .path, "path: webhooks", "11:11: receivers.engagement.path \"webhooks\" does not begin with \"/\"",
            expected: aPath),
        WrongReceivers(
            .path, "path: https://hooks.example.com/a",
            "11:11: receivers.engagement.path \"https://hooks.example.com/a\" is an address", expected: aPath),
        WrongReceivers(
            .path, "path: /a?token=b",
            "11:11: receivers.engagement.path \"/a?token=b\" has a query or a fragment", expected: aPath),
        WrongReceivers(
            .path, "path: \"/a#b\"", "11:11: receivers.engagement.path \"/a#b\" has a query or a fragment",
            expected: aPath),
        WrongReceivers(
            .path, "path: /a/../b", "11:11: receivers.engagement.path \"/a/../b\" has a part \".\" or \"..\"",
            expected: aPath),
        WrongReceivers(
            .path, "path: /a/..", "11:11: receivers.engagement.path \"/a/..\" has a part \".\" or \"..\"",
            expected: aPath),
        WrongReceivers(
            .path, "path: /a//b", "11:11: receivers.engagement.path \"/a//b\" has an empty part", expected: aPath),
        WrongReceivers(
            .path, "path: //a", "11:11: receivers.engagement.path \"//a\" has an empty part", expected: aPath),
        WrongReceivers(
            .path, "path: /healthz",
            "11:11: receivers.engagement.path \"/healthz\" is the path that says whether the listener is well",
            expected: aPath),
        WrongReceivers(
            .path, "path: /a%2fb",
            "11:11: receivers.engagement.path \"/a%2fb\" has signs that need percent-encoding", expected: aPath),
        WrongReceivers(
            .path, "path: /a b", "11:11: receivers.engagement.path \"/a b\" has signs that need percent-encoding",
            expected: aPath),
        WrongReceivers(
            .path, "path: /é", "11:11: receivers.engagement.path \"/é\" has signs that need percent-encoding",
            expected: aPath),
        WrongReceivers(.path, "path: \"\"", "11:11: receivers.engagement.path is empty"),
        WrongReceivers(
            .path, "path: [/a]", "11:11: receivers.engagement.path is a list, not a single value",
            expected: "text that is not empty"),
        WrongReceivers(
            .path, "path: /\(String(repeating: "a", count: 500))",
            "11:11: receivers.engagement.path \"/\(String(repeating: "a", count: 59))…\" is longer than 500 bytes",
            expected: "text that is not empty"),
    ]

    private static let auth = [
        WrongReceivers(
            auth: "hunter2", "14:11: receivers.engagement.auth is a single value, not a mapping",
            expected: "a mapping with the keys basic, oauth2, header"),
        WrongReceivers(
            auth: "{ bsic: [ hunter2 ] }",
            "14:13: unknown key \"bsic\" in receivers.engagement.auth; did you mean \"basic\"?"),
        WrongReceivers(
            auth: "{ basic: [] }", "14:13: receivers.engagement.auth.basic is an empty list",
            expected: "a list of texts"),
        WrongReceivers(
            auth: "{ basic: }", "14:13: receivers.engagement.auth.basic has no value",
            expected: "text that is not empty or a list of texts"),
        WrongReceivers(auth: "{ basic: [ \"\" ] }", "14:22: receivers.engagement.auth.basic.0 is empty"),
        WrongReceivers(
            auth: "{ basic: [ \"${TOKEN}\", \"${EMPTY}\" ] }",
            "14:34: receivers.engagement.auth.basic.1 is empty (its environment variable is)"),
        WrongReceivers(
            auth: "{ oauth2: \"${EMPTY}\" }",
            "14:21: receivers.engagement.auth.oauth2 is empty (its environment variable is)"),
        WrongReceivers(
            auth: "{ basic: [ \"${HUNTER}\" ] }",
            "14:23: the environment variable HUNTER is not set (receivers.engagement.auth.basic.0)"),
        WrongReceivers(
            auth: "{ basic: [ hunter2 ] }", "14:22: receivers.engagement.auth.basic.0 is written into the file",
            expected: noSecret),
        WrongReceivers(
            auth: "{ basic: hunter2 }", "14:20: receivers.engagement.auth.basic is written into the file",
            expected: noSecret),
        WrongReceivers(
            auth: "{ oauth2: [ \"${TOKEN:-hunter2}\" ] }",
            "14:23: receivers.engagement.auth.oauth2.0 is written into the file", expected: noSecret),
        WrongReceivers(
            auth: "{ basic: [ \"hunter2:${TOKEN}\" ] }",
            "14:22: receivers.engagement.auth.basic.0 is written into the file", expected: noSecret),
        WrongReceivers(
            auth: "{ basic: [ 12345678 ] }", "14:22: receivers.engagement.auth.basic.0 is written into the file",
            expected: noSecret),
        WrongReceivers(
            auth: "{ basic: [ \"${BROKEN}\" ] }",
            "14:22: receivers.engagement.auth.basic.0 cannot be the value of a header as it is", expected: clean),
        WrongReceivers(
            auth: "{ basic: [ \"${BLANK}\" ] }",
            "14:22: receivers.engagement.auth.basic.0 cannot be the value of a header as it is", expected: clean),
        WrongReceivers(
            auth: "{ basic: { a: hunter2 } }",
            "14:20: receivers.engagement.auth.basic is a mapping, not a single value",
            expected: "text that is not empty or a list of texts"),
    ]

    private static let headers = [
        WrongReceivers(
            auth: "{ header: hunter2 }", "14:21: receivers.engagement.auth.header is a single value, not a mapping",
            expected: "a mapping with the keys name, value"),
        WrongReceivers(
            auth: "{ header: }", "14:13: receivers.engagement.auth.header is empty",
            expected: "a mapping with the keys name, value"),
        WrongReceivers(
            auth: "{ header: { value: \"${TOKEN}\" } }",
            "14:13: the key \"name\" is missing in receivers.engagement.auth.header",
            expected: "name: text that is not empty"),
        WrongReceivers(
            auth: "{ header: { name: X-Token } }",
            "14:13: the key \"value\" is missing in receivers.engagement.auth.header",
            expected: "value: text that is not empty"),
        WrongReceivers(
            auth: "{ header: { name: X-Token, value: hunter2 } }",
            "14:45: receivers.engagement.auth.header.value is written into the file", expected: noSecret),
        WrongReceivers(
            auth: "{ header: { name: X-Token, value: \"${EMPTY}\" } }",
            "14:45: receivers.engagement.auth.header.value is empty (its environment variable is)"),
        WrongReceivers(
            auth: "{ header: { name: \"X Token\", value: \"${TOKEN}\" } }",
            "14:29: receivers.engagement.auth.header.name \"X Token\" is no name of a header",
            expected: "a name such as X-Webhook-Token"),
        WrongReceivers(
            auth: "{ header: { name: \"X-Token:\", value: \"${TOKEN}\" } }",
            "14:29: receivers.engagement.auth.header.name \"X-Token:\" is no name of a header",
            expected: "a name such as X-Webhook-Token"),
        WrongReceivers(
            auth: "{ header: { name: Content-Type, value: \"${TOKEN}\" } }",
            "14:29: receivers.engagement.auth.header.name \"Content-Type\" is a header with another meaning",
            expected: "a name such as X-Webhook-Token"),
    ]

    private static let events = [
        WrongReceivers(
            line: "events: []", "15:5: receivers.engagement.events is an empty list", expected: "a list of texts"),
        WrongReceivers(
            line: "events: emailOpen",
            "15:13: receivers.engagement.events \"emailOpen\" is neither all nor a list of names; did you mean "
                + "[emailOpen]?", expected: names),
        WrongReceivers(
            line: "events: ALL",
            "15:13: receivers.engagement.events \"ALL\" is neither all nor a list of names; did you mean all?",
            expected: names),
        WrongReceivers(
            line: "events: [emailOpen, all]", "15:5: receivers.engagement.events has all among its names"),
        WrongReceivers(
            line: "events: [emailOpen, 5]",
            "15:25: receivers.engagement.events.1 \"5\" is a number, not text; did you mean \"5\"?",
            expected: "text that is not empty"),
        WrongReceivers(
            line: "events: [emailOpen, \"\"]", "15:25: receivers.engagement.events.1 is empty"),
        WrongReceivers(
            line: "events: { emailOpen: true }", "15:13: receivers.engagement.events is a mapping, not a single value",
            expected: "all or a list of texts"),
        WrongReceivers(
            line: "events:", "15:5: receivers.engagement.events has no value", expected: "all or a list of texts"),
    ]

    /// The other keys of a receiver.
    private static let rules = [
        WrongReceivers(
            line: "require_user_id: yes",
            "15:22: receivers.engagement.require_user_id \"yes\" is not true or false; did you mean true?",
            expected: "true or false"),
        WrongReceivers(
            line: "identifiers: mask",
            "15:18: receivers.engagement.identifiers \"mask\" is not one of the choices; did you mean \"masked\"?",
            expected: "plain, masked or hashed"),
        WrongReceivers(
            line: "retention_days: 0", "15:21: receivers.engagement.retention_days \"0\" is out of range",
            expected: "a whole number from 1 to 36500"),
        WrongReceivers(
            line: "retention_days: 36501", "15:21: receivers.engagement.retention_days \"36501\" is out of range",
            expected: "a whole number from 1 to 36500"),
        WrongReceivers(
            line: "retention_days: 400d", "15:21: receivers.engagement.retention_days \"400d\" is not a whole number",
            expected: "a whole number from 1 to 36500"),
        WrongReceivers(
            line: "allow_from: [127.0.0.1, 10.0.0.0/33]",
            "15:29: receivers.engagement.allow_from \"10.0.0.0/33\" is no address and no range of addresses",
            expected: range),
        WrongReceivers(
            line: "allow_from: [127.0.0.1, hooks.example.com]",
            "15:29: receivers.engagement.allow_from \"hooks.example.com\" is no address and no range of addresses",
            expected: range),
        WrongReceivers(
            line: "allow_from: [127.0.0.1, \"10.0.0.1:80\"]",
            "15:29: receivers.engagement.allow_from \"10.0.0.1:80\" is no address and no range of addresses",
            expected: range),
        WrongReceivers(
            line: "allow_from: 10.0.0.0/8", "15:5: receivers.engagement.allow_from is not a list of that many texts",
            expected: "a list of texts"),
    ]

    /// What `server` says of the listener.
    private static let listen = [
        WrongReceivers(
            server: "receiver_listen: 8430",
            "7:28: server.receiver_listen \"8430\" is a number, not text; did you mean \"8430\"?",
            expected: "text that is not empty"),
        WrongReceivers(
            server: "receiver_listen: localhost",
            "7:28: server.receiver_listen \"localhost\" is no address to listen on",
            expected: "host:port, such as 127.0.0.1:8430 or [::1]:8430"),
        WrongReceivers(
            server: "receiver_listen: \"127.0.0.1:99999\"",
            "7:28: server.receiver_listen \"127.0.0.1:99999\" is no address to listen on",
            expected: "host:port, such as 127.0.0.1:8430 or [::1]:8430"),
        WrongReceivers(
            server: "receiver_listen: \"127.0.0.1:8420\"",
            "7:11: server.receiver_listen is the address of server.listen too",
            expected: "two different ports"),
        WrongReceivers(
            server: "listen: \"0.0.0.0:9\", receiver_listen: \"127.0.0.1:9\"",
            "7:32: server.receiver_listen is the address of server.listen too", expected: "two different ports"),
        WrongReceivers(
            server: "listen: \"localhost:9\", receiver_listen: \"[::1]:9\"",
            "7:34: server.receiver_listen is the address of server.listen too", expected: "two different ports"),
        WrongReceivers(
            server: "listen: \"127.0.0.1:8430\"", "7:11: server.listen is the address of receivers too",
            expected: "two different ports"),
        WrongReceivers(
            server: "max_body: 1000000", "7:21: server.max_body \"1000000\" is no size; did you mean 1000000B?",
            expected: aSize),
        WrongReceivers(
            server: "max_body: 1mb", "7:21: server.max_body \"1mb\" is no size; did you mean 1MB?", expected: aSize),
        WrongReceivers(
            server: "max_body: 64 kib", "7:21: server.max_body \"64 kib\" is no size; did you mean 64KiB?",
            expected: aSize),
        WrongReceivers(server: "max_body: 1.5MB", "7:21: server.max_body \"1.5MB\" is no size", expected: aSize),
        WrongReceivers(server: "max_body: -1MB", "7:21: server.max_body \"-1MB\" is no size", expected: aSize),
        WrongReceivers(server: "max_body: large", "7:21: server.max_body \"large\" is no size", expected: aSize),
        WrongReceivers(
            server: "max_body: 0B", "7:21: server.max_body \"0B\" is out of range", expected: "a size from 1B to 32MB"),
        WrongReceivers(
            server: "max_body: 33MB", "7:21: server.max_body \"33MB\" is out of range",
            expected: "a size from 1B to 32MB"),
        WrongReceivers(
            server: "max_body: 99999999999999999999GB",
            "7:21: server.max_body \"99999999999999999999GB\" is out of range", expected: "a size from 1B to 32MB"),
        WrongReceivers(
            server: "trusted_proxies: [proxy]",
            "7:29: server.trusted_proxies \"proxy\" is no address and no range of addresses", expected: range),
        WrongReceivers(
            server: "trusted_proxies: [0.0.0.0/0]",
            "7:29: server.trusted_proxies \"0.0.0.0/0\" is every address there is",
            expected: "the addresses of your proxies"),
        WrongReceivers(
            server: "trusted_proxies: [\"::/0\"]", "7:29: server.trusted_proxies \"::/0\" is every address there is",
            expected: "the addresses of your proxies"),
    ]

    private static let spool = [
        WrongReceivers(
            server: "receiver_spool: spool",
            "7:27: server.receiver_spool \"spool\" is neither off nor a mapping; did you mean { path: spool }?",
            expected: "off, or a mapping such as { path: /var/lib/rollcall/spool, max_size: 1GB }"),
        WrongReceivers(
            server: "receiver_spool: 2GB",
            "7:27: server.receiver_spool \"2GB\" is neither off nor a mapping; did you mean { max_size: 2GB }?",
            expected: "off, or a mapping such as { path: /var/lib/rollcall/spool, max_size: 1GB }"),
        WrongReceivers(
            server: "receiver_spool: false",
            "7:27: server.receiver_spool \"false\" is neither off nor a mapping; did you mean off?",
            expected: "off, or a mapping such as { path: /var/lib/rollcall/spool, max_size: 1GB }"),
        WrongReceivers(
            server: "receiver_spool: { pth: a }",
            "7:29: unknown key \"pth\" in server.receiver_spool; did you mean \"path\"?"),
        WrongReceivers(
            server: "receiver_spool: { path: ~/spool }",
            "7:35: server.receiver_spool.path \"~/spool\" begins with \"~\", which is not expanded", expected: "a path"),
        WrongReceivers(
            server: "receiver_spool: { max_size: 0GB }", "7:39: server.receiver_spool.max_size \"0GB\" is out of range",
            expected: "a size from 1B to 1000GB"),
        WrongReceivers(
            server: "receiver_spool: { max_size: 10G }",
            "7:39: server.receiver_spool.max_size \"10G\" is no size; did you mean 10GB?", expected: aSize),
    ]
}
