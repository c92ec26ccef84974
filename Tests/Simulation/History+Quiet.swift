import Foundation
import RollcallCore
import SyncEngine
import Warehouse

extension History {
    // MARK: The quiet phase

    /// Faults stop; one more run must make the list equal to the audience, and the one after it has nothing to do.
    func comeToRest() async {
        faults.isOn = false
        storeIsDownUntil = .zero
        storeIsFullUntil = .zero
        isQuiet = true
        oracle.guardsAreOn = false
        goods.guardsAreOn = false
        clients.guardsAreOn = false
        tracks.guardsAreOn = false
        clients.forgetConflicts()
        oracle.conflicts = []
        world.note(nil, "all is quiet")
        await world.pass(.seconds(200))
        if store.state.bindings["vip"]?.listID != nil, !iterable.lists.contains(where: { $0.name == History.listName })
        {
            _ = iterable.addList(History.listName)
        }
        var request = RunRequest()
        request.forceNew = true
        request.retryRejected = true
        // Where two names may or may not be one person, the first run finds out, and the second draws the conclusion.
        if oracle.hasDoubts { _ = await quietRun(request) }
        guard let last = await quietRun(request) else { return }
        guard last.status == .succeeded || last.status == .completedWithFailures, last.counts.unknown.total == 0,
            last.counts.notAttempted.total == 0
        else { return oracle.violated("the quiet run did not get through: \(last)") }
        await world.pass(.seconds(200))
        oracle.judgeNotes(of: "vip")
        await catalogComesToRest()
        await profilesComeToRest()
        await eventsComeToRest()
        if oracle.isUnknowing { return oracle.saw("a stray request stayed unknown") }
        oracle.judgeEnd(rows: people.rows, list: last.listID ?? list)
        if let list = last.listID ?? list {
            listFields.judgeEnd(AudienceModel(people.rows, maxSharing: scenario.maxSharing), list: list)
        }
        await comeToAnEnd(last)
        await rivalIsRefused(last)
        let open = store.state.runs.filter { $0.run.status == .running || $0.run.status == .queued }
        if !open.isEmpty { oracle.violated("a run was left running") }
        if store.state.outbox.values.contains(where: { !$0.isEmpty }) {
            oracle.violated("something is left in the outbox")
        }
    }

    /// One more run makes the catalog what the rows say, and the one after it has nothing to do.
    private func catalogComesToRest() async {
        guard scenario.goods != nil else { return }
        var request = RunRequest()
        request.forceNew = true
        request.retryRejected = true
        catalog.losesItems = false
        if !catalog.isThere { _ = catalog.create() }
        guard let last = await quietRun(request, sync: "goods") else { return }
        guard last.status == .succeeded || last.status == .completedWithFailures, last.counts.unknown.total == 0,
            last.counts.notAttempted.total == 0, last.counts.failed.total == last.counts.notVerified
        else { return oracle.violated("catalog: the quiet run did not get through: \(last)") }
        await world.pass(.seconds(200))
        oracle.judgeNotes(of: "goods")
        if oracle.isUnknowing { return }
        goods.judgeEnd(products.rows)
        let before = requests
        if let idle = await quietRun(RunRequest(), sync: "goods"), requests != before {
            oracle.violated("catalog: a run on unchanged rows sends something: \(idle.counts.short)")
        }
    }

    /// A run on an unchanged audience sends nothing.
    private func comeToAnEnd(_ last: SyncRun) async {
        let before = requests
        guard var idle = await quietRun(RunRequest()) else { return }
        // Refused records are tried again in every run.
        if last.counts.failed.total > 0 || requests == before { return }
        // A removal without an answer leaves the older of two entries of one person in doubt: asked again each time.
        let isInDoubt = store.state.members.values.joined().contains { $0.value.member.state == .unsubscribing }
        if isInDoubt { return oracle.saw("an older entry of a person stayed in doubt") }
        if scenario.type == .hybrid {
            // What linked an entry to a row may have been dropped by the last run: now it can go.
            oracle.saw("a second run dropped what the first had kept")
            let second = requests
            guard let next = await quietRun(RunRequest()) else { return }
            if requests == second { return }
            idle = next
        }
        oracle.violated("a run on an unchanged audience sends something: \(idle.counts.short)")
    }

    /// Another sync that names the same list by its id is refused before it sends anything.
    private func rivalIsRefused(_ last: SyncRun) async {
        guard let list = last.listID, let members = store.state.members[.init(sync: "vip", entries: .list(list))],
            members.values.contains(where: { $0.member.listed })
        else { return }
        quietRuns += 1
        let node = Node(self, Scenario.Runner(number: 1000 + quietRuns, delay: .zero))
        let before = requests
        let outcome = await withTaskGroup(of: RunOutcome?.self) { group in
            group.addTask(executorPreference: node.process) { await self.rival(node, list: list).run(RunRequest()) }
            return await group.next() ?? nil
        }
        guard case .ran(let run) = outcome, run.error?.code == "list_taken", requests == before else {
            return oracle.violated("a second sync may keep the list: \(outcome.map { "\($0)" } ?? "")")
        }
        oracle.saw("a second sync was refused the list")
    }

    func quietRun(_ request: RunRequest, sync: String = "vip") async -> SyncRun? {
        quietRuns += 1
        let node = Node(self, Scenario.Runner(number: 1000 + quietRuns, delay: .zero), sync: sync)
        let outcome = await withTaskGroup(of: RunOutcome.self) { group in
            group.addTask(executorPreference: node.process) { await self.run(node, request) }
            return await group.next()
        }
        node.hasEnded = true
        gone.insert(node.name)
        guard case .ran(let run) = outcome else {
            oracle.violated("the quiet run was not run: \(outcome.map { "\($0)" } ?? "")")
            return nil
        }
        return run
    }
}
