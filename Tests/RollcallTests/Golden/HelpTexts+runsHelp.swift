extension HelpTexts {
    /// `rollcall runs --help`
    static let runsHelp = #"""
        OVERVIEW: Show the latest runs, newest first.

        USAGE: rollcall runs [<sync>] [--status <status>] [<options>]

        ARGUMENTS:
          <sync>                  Only runs of this sync.

        OPTIONS:
          --status <status>       Only runs with this status.
          --limit <limit>         How many, at most. (default: 20)
          --format <format>       Output format. (values: table, json, csv; default:
                                  table)
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
