extension HelpTexts {
    /// `rollcall log --help`
    static let logHelp = #"""
        OVERVIEW: Show the record log: every record of every run, newest first.

        USAGE: rollcall log [<sync>] [--run <run-id>] [--status <status>] [<options>]

        ARGUMENTS:
          <sync>                  Only records of this sync.

        OPTIONS:
          --run <run-id>          Only records of this run.
          --status <status>       succeeded, failed, unknown, not_attempted or waiting.
          --since <age>           Only younger records: 30m, 12h, 2d, 3w, or a UTC date.
          --limit <limit>         How many, at most; 0 for all. (default: 100)
          --format <format>       Output format. (values: table, json, csv; default:
                                  table)
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
