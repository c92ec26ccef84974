extension HelpTexts {
    /// `rollcall check --help`
    static let checkHelp = #"""
        OVERVIEW: Look whether everything is in place: one line each, and how to fix
        what is not.

        Configuration, connections, rights, columns and their types, API key, lists,
        catalogs; and receivers, unless syncs are named. Changes nothing.

        USAGE: rollcall check [<sync> ...] [<options>]

        ARGUMENTS:
          <sync>                  The syncs to look at; all when left out.

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
