extension HelpTexts {
    /// `rollcall fields --help`
    static let fieldsHelp = #"""
        OVERVIEW: Show the profile fields of an Iterable project.

        A field has the type of its first value, for ever.

        USAGE: rollcall fields <destination> [<options>]

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
