import RollcallCore
import SyncEngine

extension History {
    /// What happens to the customers' rows, and to their profiles by others' doing, before a round and while it goes on.
    func change(customersIn number: Int) -> Scenario.Clients.Round? {
        guard let clients = scenario.clients, clients.rounds.indices.contains(number) else { return nil }
        let round = clients.rounds[number]
        for move in round.moves { customers.move(move) }
        publishCustomers()
        if !clients.makesFields && number == clients.madeBefore { profiles.makeFields() }
        for write in round.writes where customers.isEmpty(write.customer, write.field) {
            let (email, userID) = customers.identifiers(of: write.customer)
            guard let json = profiles.writeAsAnother(write.field, email: email, userID: userID) else { continue }
            world.note(nil, "another system writes \(write.field) of \(email ?? userID ?? ""): \(json)")
        }
        for appearance in round.appearances { later(appearance) }
        for change in round.later { later(change) }
        return round
    }

    private func publishCustomers() {
        store.customers = customers.rows
        customersTick += 1
        world.note(nil, "the customers are \(customers.rows.map { $0.summary(Customers.shown) })")
    }

    private func later(_ change: Scenario.Clients.LaterChange) {
        world.after(change.after) { [self] in
            customers.move(change)
            publishCustomers()
        }
    }

    private func later(_ appearance: Scenario.Clients.Appearance) {
        world.after(appearance.after) { [self] in
            let (email, userID) = customers.identifiers(of: appearance.customer)
            guard profiles.appear(email: email, userID: userID) else { return }
            oracle.saw("a person whom Iterable did not know gets a profile")
            world.note(nil, "another system makes the profile of \(email ?? userID ?? "")")
        }
    }

    // MARK: The quiet phase

    /// One more run makes the profiles what the rows say, and the one after it has nothing to do. What the sync may not make
    /// itself is made by hand. Where processes have streamed, a stream follows the rows first.
    func profilesComeToRest() async {
        guard let clients = scenario.clients else { return }
        profiles.makeFields()
        guard var last = await quietProfiles() else { return }
        if let streaming = clients.streaming, !oracle.isUnknowing {
            await streamQuietly(streaming)
            guard let next = await quietProfiles() else { return }
            last = next
        }
        oracle.judgeNotes(of: "clients")
        if oracle.isUnknowing { return }
        self.clients.judgeEnd(customers.rows, run: last.id)
        let before = requests
        guard let idle = await quietRun(RunRequest(), sync: "clients"), requests != before else { return }
        // Refused records are tried again in every run.
        if last.counts.failed.total + idle.counts.failed.total > 0 { return }
        oracle.violated("profiles: a run on unchanged rows sends something: \(idle.counts.short)")
    }

    /// Runs until nothing waits any more.
    /// - Returns: nil: that was not to be.
    private func quietProfiles() async -> SyncRun? {
        var request = RunRequest()
        request.forceNew = true
        request.retryRejected = true
        guard var last = await quietRun(request, sync: "clients") else { return nil }
        // Addresses that move on are taken one run after the other.
        for _ in 0..<6 where last.counts.waiting > 0 {
            await world.pass(.seconds(200))
            guard let next = await quietRun(request, sync: "clients") else { return nil }
            last = next
        }
        guard last.status == .succeeded || last.status == .completedWithFailures, last.counts.unknown.total == 0,
            last.counts.notAttempted.total == 0
        else {
            oracle.violated("profiles: the quiet run did not get through: \(last)")
            return nil
        }
        await world.pass(.seconds(200))
        return last
    }

    /// A stream that nothing ends before its time. Answers get lost for a while, and rows change; then everything of which the
    /// looks of a stream decide is in Iterable, without another sweep.
    private func streamQuietly(_ streaming: Scenario.Clients.Streaming) async {
        quietRuns += 1
        let node = Node(self, Scenario.Runner(number: 1000 + quietRuns, delay: .zero), sync: "clients")
        faults.losesAnswers = true
        let loss = Duration.milliseconds(Scenario.Clients.Streaming.lossMilliseconds)
        world.after(loss) { [faults] in faults.losesAnswers = false }
        for change in streaming.lastChanges { later(change) }
        // A lost request lands within this time, and what is left out because of it twice waits twice as long.
        let lost = Duration.seconds(scenario.timeoutSeconds + scenario.settleSeconds + 10)
        world.after(loss + .seconds(120) + lost * 4) { [self] in
            if node.hasEnded { return }
            clients.judgeStream(customers.rows, node)
            node.stop.request(.interrupted)
        }
        let held = await withTaskGroup(of: SyncRun?.self) { group in
            group.addTask(executorPreference: node.process) { await self.stream(node, looks: .max) }
            return await group.next() ?? nil
        }
        if held != nil || node.stop.reason == nil { oracle.violated("profiles: the stream ended by itself") }
        node.hasEnded = true
        gone.insert(node.name)
        await world.pass(.seconds(200))
    }
}
