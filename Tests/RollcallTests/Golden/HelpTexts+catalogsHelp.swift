extension HelpTexts {
    /// `rollcall catalogs --help`
    static let catalogsHelp = #"""
        OVERVIEW: Show the catalogs of an Iterable project.

        With the name of a catalog: its fields. Fields without a type cannot be used in
        collections.

        USAGE: rollcall catalogs <destination> [<catalog>] [<options>]

        ARGUMENTS:
          <destination>           The destination.
          <catalog>               Show the fields of this catalog.

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
