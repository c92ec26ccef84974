extension HelpTexts {
    /// `rollcall plan --help`
    static let planHelp = #"""
        OVERVIEW: Show what a run would do; changes nothing anywhere.

        Judges the guards too. Exit code 0 also when a run would be held.

        USAGE: rollcall plan <sync> [--rows <all|N>] [<options>]

        ARGUMENTS:
          <sync>                  The sync to look at.

        OPTIONS:
          --rows <all|N>          Rows to show of each kind. (default: 10)
          --format <format>       Output format. (values: table, json, csv; default:
                                  table)
          --full                  As with `run --full`: everything again.
          --retry-rejected        As with `run --retry-rejected`.
          --only <key>            As with `run --only`.
          --backfill <all|span>   As with `run --backfill`.
          --accept-new-ids        As with `run --accept-new-ids`.
          --compare-list          Ask Iterable who is on the list already, and say how
                                  many of the entering are (up to 5 calls a minute).
          --no-cache              Read the snapshot from the warehouse, not from the
                                  local cache.
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
