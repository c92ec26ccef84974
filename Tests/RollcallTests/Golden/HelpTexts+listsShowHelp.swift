extension HelpTexts {
    /// `rollcall lists show --help`
    static let listsShowHelp = #"""
        OVERVIEW: Show the lists of the project.

        USAGE: rollcall lists show <destination> [<options>]

        ARGUMENTS:
          <destination>           The destination.

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
