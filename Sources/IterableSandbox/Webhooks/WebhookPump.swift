import Synchronization

/// Posts what waits, in the background, with a few workers that end when nothing is left.
final class WebhookPump: Sendable {
    private let send: SandboxWebhook.Sender
    private let workers = Mutex<(next: Int, tasks: [Int: Task<Void, Never>])>((0, [:]))

    init(_ webhook: SandboxWebhook) { send = webhook.send }

    /// Starts the workers that are missing. It never waits.
    func wake(_ core: SandboxCore) {
        while core.with({ $0.webhooks.engage() }) {
            workers.withLock { workers in
                let id = workers.next
                workers.next += 1
                workers.tasks[id] = Task { [self] in
                    await work(core)
                    self.workers.withLock { $0.tasks[id] = nil }
                }
            }
        }
    }

    /// Gives up the requests under way. What waits stays.
    func stop() async {
        let tasks = workers.withLock { Array($0.tasks.values) }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    private func work(_ core: SandboxCore) async {
        while !Task.isCancelled {
            guard let delivery = core.with({ $0.webhooks.take() }) else { return }
            await deliver(delivery, core)
        }
        core.with { $0.webhooks.leave() }
    }

    /// Sends an event until it is answered as it should be, or for good.
    private func deliver(_ delivery: WebhookDelivery, _ core: SandboxCore) async {
        for attempt in 1...WebhookDelivery.attempts {
            guard let request = core.with({ $0.webhooks.request(delivery) }) else { return }
            let status = try? await send(request)
            let wantsAnother = status.map { (500..<600).contains($0) } ?? true
            let pause = wantsAnother && attempt < WebhookDelivery.attempts ? delivery.retryAfterSeconds : nil
            guard let pause, !Task.isCancelled else {
                core.with { $0.webhooks.note(status, of: delivery, isLast: true) }
                return
            }
            core.with { $0.webhooks.note(status, of: delivery, isLast: false) }
            do {
                try await Task.sleep(for: .seconds(pause))
            } catch {
                return core.with { $0.webhooks.end(delivery) }
            }
        }
    }
}
