extension HelpTexts {
    /// `rollcall move-state --help`
    static let moveStateHelp = #"""
        OVERVIEW: Move state and logs of a warehouse's syncs to where the configuration
        has them.

        Says first what would be moved, and asks. The warehouse that is left keeps its
        rows, marked: no run begins there any more, and the state can be moved back.
        Broken off anywhere, the same command completes the move. What receivers have
        stored stays. Exit code 5: a run of a sync is in progress; that sync was not
        moved.

        USAGE: rollcall move-state <warehouse> [--from <other>] [--yes] [<options>]

        ARGUMENTS:
          <warehouse>             The warehouse whose syncs' state moves.

        OPTIONS:
          --from <other>          Where the state is now; looked for in all warehouses
                                  when left out.
          --older-copy            Go on with an older copy, since the warehouse that
                                  has the state is lost.
          --yes                   Do not ask.
          --json                  Print one JSON object per sync.
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
