extension HelpTexts {
    /// `rollcall --help`
    static let rootHelp = #"""
        OVERVIEW: Keeps lists, profiles and catalogs in Iterable equal to your
        warehouse, and sends its events.

        A sync reads a table or a query in Postgres or SQLite, compares its rows with
        what it sent before, and sends exactly the difference. Start with `rollcall
        demo`.

        Exit codes: 0 success, 1 failed, 2 usage or configuration, 3 completed with
        failed records, 4 held by a guard, 5 another run is in progress, 130
        interrupted.

        USAGE: rollcall <subcommand>

        OPTIONS:
          --version               Show the version.
          -h, --help              Show help information.

        GETTING STARTED: SUBCOMMANDS:
          demo                    See the main job with nothing set up: a shop, a
                                  sandbox, a list, profiles and events.
          init                    Write a commented rollcall.yaml to start from.
          check                   Look whether everything is in place: one line each,
                                  and how to fix what is not.
          schema                  Print the JSON Schema of rollcall.yaml, for editors
                                  and checks.

        SYNCING: SUBCOMMANDS:
          plan                    Show what a run would do; changes nothing anywhere.
          run                     Run syncs now.
          serve                   Run schedules, streams, receivers, the HTTP API and
                                  the dashboard.

        LOOKING: SUBCOMMANDS:
          syncs                   Show every sync: list, size, last run.
          runs                    Show the latest runs, newest first.
          run-report              Show one run: what it did, and why it failed or is
                                  held.
          log                     Show the record log: every record of every run,
                                  newest first.
          records                 Show the records of a sync and what became of each.
          why                     Explain one person or record: in the source, in
                                  Iterable, what happened, what comes next.
          lists                   Show or make lists of an Iterable project.
          fields                  Show the profile fields of an Iterable project.
          catalogs                Show the catalogs of an Iterable project.
          receivers               Show what takes Iterable's webhooks, or try it.

        HOUSEKEEPING: SUBCOMMANDS:
          migrate                 Create or upgrade the state tables (the first run
                                  does it too).
          move-state              Move state and logs of a warehouse's syncs to where
                                  the configuration has them.
          prune                   Delete logs and runs older than each sync keeps them,
                                  now.
          abandon                 Let a sync go of what it keeps; what is in Iterable
                                  stays as it is.
          sandbox                 Run a local Iterable to try things on.

          See 'rollcall help <subcommand>' for detailed help.
        """#
}
