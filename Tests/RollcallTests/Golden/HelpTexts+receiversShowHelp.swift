extension HelpTexts {
    /// `rollcall receivers show --help`
    static let receiversShowHelp = #"""
        OVERVIEW: Show every receiver: path, warehouse, latest event, counts of today
        (UTC).

        Reads the warehouses only. What waits in the spool of a running serve, because
        a warehouse is away, is not among it; the dashboard and the API show that.

        USAGE: rollcall receivers show [<options>]

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
