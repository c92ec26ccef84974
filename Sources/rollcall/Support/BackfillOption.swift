import ArgumentParser
import SyncEngine

/// What stands behind `--backfill`.
struct BackfillOption: ExpressibleByArgument {
    let value: Backfill

    init?(argument: String) {
        guard let value = Backfill(text: argument) else { return nil }
        self.value = value
    }
}
