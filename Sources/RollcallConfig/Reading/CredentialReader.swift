internal import RollcallCore

/// Reads `auth` of a receiver.
enum CredentialReader {
    /// - Parameter mayBeLiteral: whether the secrets may stand in the file.
    static func read(_ auth: SectionReader, mayBeLiteral: Bool) -> [ReceiverSettings.Credential] {
        var credentials: [ReceiverSettings.Credential] = []
        for key in [ReceiverAuthKeys.basic, ReceiverAuthKeys.oauth2] {
            for token in auth.isList(key) ? auth.locatedTexts(key) ?? [] : [auth.text(key)].compactMap(\.self) {
                guard let secret = secret(token, auth.context, mayBeLiteral) else { continue }
                credentials.append(.token(secret))
            }
        }
        if let header = auth.section(ReceiverAuthKeys.header, isRequired: true) {
            let name = name(header)
            let value = header.text(ReceiverHeaderKeys.value).flatMap { secret($0, auth.context, mayBeLiteral) }
            if let name, let value { credentials.append(.header(name: name, value: value)) }
        }
        return credentials
    }

    private static func secret(_ token: Located<String>, _ context: ReadingContext, _ mayBeLiteral: Bool) -> Secret? {
        if !mayBeLiteral, isWritten(token.literal) {
            context.report(
                at: token.position, path: token.path, "\(token.path) is written into the file",
                expected: "no secret in the file",
                hint: "Put it into the environment or into .env beside the configuration, and write "
                    + "${ITERABLE_WEBHOOK_TOKEN} here. Only with a sandbox (a destination whose base_url is loopback, "
                    + "and a loopback server.receiver_listen) may it stand in the file.")
            return nil
        }
        let isClean = token.value.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
        guard isClean, token.value.first != " ", token.value.last != " " else {
            context.report(
                at: token.position, path: token.path, "\(token.path) cannot be the value of a header as it is",
                expected: "printable ASCII without blanks or line breaks around it")
            return nil
        }
        return Secret(token.value)
    }

    /// Whether the file itself says the secret, or a part of it: more than a scheme before references to the environment and
    /// colons between them.
    private static func isWritten(_ literal: String) -> Bool {
        let rest = literal.replacing(/(?i)^\s*(basic|bearer|oauth2)\s/, with: "")
        return !rest.contains(Substitution.placeholder)
            || rest.contains { $0 != Substitution.placeholder && $0 != ":" && !$0.isWhitespace }
    }

    /// Names that every request has, or that are said of the connection.
    private static let others: Set<String> = [
        "accept", "connection", "content-length", "content-type", "forwarded", "host", "rollcall-test",
        "transfer-encoding", "user-agent", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
        "x-real-ip",
    ]

    private static func name(_ header: SectionReader) -> String? {
        guard let name = header.text(ReceiverHeaderKeys.name) else { return nil }
        guard name.value.wholeMatch(of: /[A-Za-z0-9!#$%&'*+.^_`|~-]+/) != nil else {
            header.reportWrong(
                ReceiverHeaderKeys.name, name, "is no name of a header", expected: "a name such as X-Webhook-Token")
            return nil
        }
        let lower = name.value.lowercased()
        guard !others.contains(lower) else {
            header.reportWrong(
                ReceiverHeaderKeys.name, name, "is a header with another meaning",
                expected: "a name such as X-Webhook-Token")
            return nil
        }
        return lower
    }
}
