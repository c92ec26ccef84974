extension HelpTexts {
    /// `rollcall run-report --help`
    static let runReportHelp = #"""
        OVERVIEW: Show one run: what it did, and why it failed or is held.

        USAGE: rollcall run-report <run-id> [<options>]

        ARGUMENTS:
          <run-id>                The run.

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
