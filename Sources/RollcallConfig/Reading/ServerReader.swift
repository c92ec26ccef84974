/// Reads `server`.
enum ServerReader {
    static func read(_ reader: SectionReader) -> ServerSettings {
        var settings = ServerSettings()
        if let listen = reader.text(ServerKeys.listen) {
            if let address = ServerSettings.address(listen.value) {
                settings.host = address.host
                settings.port = address.port
            } else {
                reader.reportWrong(
                    ServerKeys.listen, listen, "is no address to listen on",
                    expected: "host:port, such as 127.0.0.1:8420 or [::1]:8420")
            }
        }
        var names: Set<String> = []
        for item in reader.list(ServerKeys.tokens) {
            guard let token = token(item) else { continue }
            if names.insert(token.name).inserted {
                settings.tokens.append(token)
            } else {
                item.report(at: TokenKeys.name, "the token \(TextLayout.quoted(token.name)) is there twice")
            }
        }
        return settings
    }

    private static func token(_ reader: SectionReader) -> ServerSettings.Token? {
        let name = reader.text(TokenKeys.name)
        let role = reader.choice(TokenKeys.role, of: ServerSettings.Role.self)
        let hash = reader.text(TokenKeys.sha256)
        if let hash, hash.value.wholeMatch(of: /[0-9A-Fa-f]{64}/) == nil {
            reader.reportWrong(
                TokenKeys.sha256, hash, "is no SHA-256 hash", expected: "64 hexadecimal digits",
                hint: "Hash the token with: printf %s \"$TOKEN\" | sha256sum")
            return nil
        }
        guard let name, let role, let hash else { return nil }
        return ServerSettings.Token(name: name.value, role: role.value, sha256: hash.value.lowercased())
    }
}
