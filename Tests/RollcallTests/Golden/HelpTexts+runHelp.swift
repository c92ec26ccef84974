extension HelpTexts {
    /// `rollcall run --help`
    static let runHelp = #"""
        OVERVIEW: Run syncs now.

        Reads the source, compares it with the snapshot, and sends the difference. A
        plan that a guard stops is held: nothing is sent until it is approved, exactly
        as it was staged, or discarded.

        USAGE: rollcall run <sync> ... [<options>]
               rollcall run --all [<options>]
               rollcall run --approve <run-id> | --discard <run-id> [<options>]

        ARGUMENTS:
          <sync>                  The syncs to run, one after the other.

        OPTIONS:
          --all                   Run every enabled sync.
          --full                  Send everything again; still remove only what left.
          --retry-rejected        Send again also records that Iterable refused
                                  permanently.
          --only <key>            Send only this record, by its key, as a first try;
                                  not of lists. The rest waits for the next run.
          --backfill <all|span>   Of events: send also those that were there before the
                                  sync began, or were discarded; all of them, or those
                                  of a span such as 30d.
          --accept-new-ids        Of events: go on although what their ids are made of
                                  has changed.
          --approve <run-id>      Carry out a held run as it was staged.
          --discard <run-id>      Drop a held run.
          --force-new             Discard a held run first, and plan again.
          --json                  Print one JSON object per run.
          --no-cache              Neither read nor write the local cache of the
                                  snapshot.
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
