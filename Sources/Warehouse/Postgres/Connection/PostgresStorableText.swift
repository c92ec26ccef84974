import CLibPQ

extension PostgresSession {
    /// The text as the database can hold it: what it lacks is escaped. The one way of text into parameters and arrays; that
    /// of a COPY is ``copyIn(_:_:)``.
    func storable(_ text: String) throws -> String {
        let text = LoggedText.withoutNUL(text)
        if let written = characters.written(text) { return written }
        try learn(text.unicodeScalars)
        return characters.written(text) ?? text
    }

    /// An array literal of any texts.
    func array(_ values: [String?]) throws -> String {
        PostgresText.array(try values.map { try $0.map(storable) })
    }

    /// A text that ``storable(_:)`` has written.
    func original(_ written: String) throws -> String {
        guard !characters.holdsEverything else { return written }
        try learn(StorableCharacters.escapes(in: written))
        return characters.original(written)
    }

    /// Finds out which of these characters the database can hold.
    func learn(_ scalars: some Sequence<Unicode.Scalar>) throws {
        try characters.learn(scalars) { text in
            // An error would end the transaction.
            guard PQtransactionStatus(connection) == PQTRANS_INTRANS else { return try isHeld(text) }
            try execute("SAVEPOINT rollcall_characters")
            let held = try isHeld(text)
            try execute(
                (held ? "" : "ROLLBACK TO SAVEPOINT rollcall_characters; ") + "RELEASE SAVEPOINT rollcall_characters")
            return held
        }
    }

    /// Gives the text to the server as any parameter is given to it.
    private func isHeld(_ text: String) throws -> Bool {
        do {
            let result = withCStrings([text]) {
                PQexecParams(
                    connection, "SELECT WHERE $1::pg_catalog.text IS NULL", 1, nil, $0, nil, nil, 0)
            }
            _ = try checked(PostgresResult(result))
            return true
        } catch let failure as PostgresFailure where failure.isUnheldCharacter {
            return false
        }
    }
}
