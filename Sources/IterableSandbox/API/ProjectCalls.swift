/// The calls about the project itself, with small fixed answers.
enum ProjectCalls {
    static let endpoints: [Endpoint] = [
        .plain("GET", "/api/channels", limit: .perSecond(100)) { _, _, _ in
            .json([
                "channels": [
                    ["id": 1, "name": "Marketing", "channelType": "Marketing", "messageMedium": "Email"],
                    ["id": 2, "name": "Transactional", "channelType": "Transactional", "messageMedium": "Email"],
                ]
            ])
        },
        .plain("GET", "/api/messageTypes", limit: .perSecond(100)) { _, _, _ in
            .json(["messageTypes": [messageType(1, "Newsletter"), messageType(2, "Receipts")]])
        },
        // Must be enabled for a project by Iterable, which it is not here.
        .plain("PUT", "/api/subscriptions/:group/:groupId") { _, _, _ in
            .envelope("NotFound", "Endpoint not found", status: 404)
        },
    ]

    private static func messageType(_ id: Int, _ name: String) -> JSONValue {
        [
            "id": .int(id), "name": .string(name), "channelId": .int(id), "createdAt": 1_700_000_000_000,
            "updatedAt": 1_700_000_000_000, "subscriptionPolicy": "OptOut",
        ]
    }
}
