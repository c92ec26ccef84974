extension HelpTexts {
    /// `rollcall syncs --help`
    static let syncsHelp = #"""
        OVERVIEW: Show every sync: list, size, last run.

        USAGE: rollcall syncs [--format <format>] [--config <config>] [--verbose]

        OPTIONS:
          --format <format>       Output format. (values: table, json, csv; default:
                                  table)
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
