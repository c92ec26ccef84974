/// Changes that spoil the sync of the sample.
enum BadSyncs {
    static let all = keys + references + identifiers + schedules

    private static let keys = [
        BadConfiguration(
            "    schedule:", "    scedule:", "28:5: unknown key \"scedule\" in syncs.vip; did you mean \"schedule\"?"),
        BadConfiguration(
            "    mapping:\n      email: email\n      user_id: customer_id", "    userId: customer_id",
            "25:5: unknown key \"userId\" in syncs.vip"),
        BadConfiguration(
            "      user_id: customer_id", "      userId: customer_id",
            "27:7: unknown key \"userId\" in syncs.vip.mapping; did you mean \"user_id\"?"),
        BadConfiguration(
            "    audience:\n      table: vip_customers", "    table: vip_customers",
            "18:3: the key \"audience\" is missing in syncs.vip", "21:5: unknown key \"table\" in syncs.vip"),
        BadConfiguration(
            "      table: vip_customers", "      table: vip_customers\n      query: SELECT 1",
            "23:7: syncs.vip.audience gives table and query; exactly one of table, query or query_file is allowed"),
        BadConfiguration(
            "      table: vip_customers", "      {}",
            "21:5: syncs.vip.audience needs exactly one of table, query or query_file"),
        BadConfiguration("      table: vip_customers\n", "", "21:5: syncs.vip.audience is empty"),
        BadConfiguration(
            "      name: VIP customers", "      name: VIP customers\n      id: 7",
            "25:7: syncs.vip.list gives name and id; exactly one of name or id is allowed"),
        BadConfiguration(
            "      name: VIP customers", "      description: none",
            "23:5: syncs.vip.list needs exactly one of name or id"),
        BadConfiguration(
            "    list:\n      name: VIP customers", "    list: VIP customers",
            "23:11: syncs.vip.list is a single value, not a mapping"),
        BadConfiguration("name: VIP customers", "name: \"\"", "24:13: syncs.vip.list.name is empty"),
        BadConfiguration(
            "name: VIP customers", "name: 2024",
            "24:13: syncs.vip.list.name \"2024\" is a number, not text; did you mean \"2024\"?"),
        BadConfiguration("name: VIP customers", "name:", "24:7: syncs.vip.list.name has no value"),
        BadConfiguration(
            "name: VIP customers", "id: 0", "24:11: syncs.vip.list.id \"0\" is out of range"),
        BadConfiguration(
            "      table: vip_customers", "      table: vip customers",
            "22:14: syncs.vip.audience.table \"vip customers\" is no plain SQL name"),
        BadConfiguration(
            "      table: vip_customers", "      table: a\"b",
            "22:14: syncs.vip.audience.table \"a\\\"b\" is no plain SQL name"),
        BadConfiguration(
            "      table: vip_customers", "      table: a.b.c",
            "22:14: syncs.vip.audience.table \"a.b.c\" has 3 parts"),
        BadConfiguration(
            "      table: vip_customers", "      query: \" ; \"", "22:7: syncs.vip.audience.query is empty"),
        BadConfiguration(
            "      table: vip_customers", "      query_file: nowhere.sql",
            "22:19: syncs.vip.audience.query_file \"nowhere.sql\" cannot be used: there is no such file"),
    ]

    private static let references = [
        BadConfiguration(
            "warehouse: shop", "warehouse: shpo",
            "19:16: there is no warehouse \"shpo\" (syncs.vip.warehouse); did you mean \"shop\"?"),
        BadConfiguration(
            "destination: marketing", "destination: marketng",
            "20:18: there is no destination \"marketng\" (syncs.vip.destination); did you mean \"marketing\"?"),
        BadConfiguration(
            "warehouse: shop", "warehouse: ${WORD}", "19:16: there is no warehouse \"${WORD}\" (syncs.vip.warehouse)"),
        BadConfiguration("  vip:\n", "  -vip:\n", "18:3: \"-vip\" cannot be the name of a sync"),
        BadConfiguration(
            "      max_removals: 25%\n",
            """
                  max_removals: 25%
              copy:
                warehouse: crm
                destination: marketing
                audience: {table: people}
                list: {name: VIP customers}

            """, "37:12: syncs.copy keeps the same list as syncs.vip (line 18)"),
    ]

    private static let identifiers = [
        BadConfiguration(
            "project_type: hybrid", "project_type: email",
            "27:7: syncs.vip.mapping maps user_id, but the project is of type email"),
        BadConfiguration(
            "project_type: hybrid", "project_type: user_id",
            "26:7: syncs.vip.mapping maps email, but the project is of type user_id"),
        BadConfiguration(
            "    mapping:", "    placeholder_emails: true\n    mapping:",
            "25:5: syncs.vip.placeholder_emails is true, but the project is of type hybrid"),
        BadConfiguration(
            "    mapping:", "    identity:\n      max_sharing: 0\n    mapping:",
            "26:20: syncs.vip.identity.max_sharing \"0\" is out of range"),
        BadConfiguration(
            "    mapping:", "    identity:\n      max_sharing: many\n    mapping:",
            "26:20: syncs.vip.identity.max_sharing \"many\" is not a whole number"),
        BadConfiguration(
            "    mapping:", "    identity:\n      max_shares: 3\n    mapping:",
            "26:7: unknown key \"max_shares\" in syncs.vip.identity; did you mean \"max_sharing\"?"),
        BadConfiguration(
            "data_center: us\n    project_type: hybrid", "data_center: eu\n    project_type: email",
            "14:19: destinations.marketing.project_type \"email\" is no type of a project in the EU data center",
            "27:7: syncs.vip.mapping maps user_id, but the project is of type email"),
    ]

    private static let schedules = [
        BadConfiguration(
            "every: 30m", "every: 7m", "29:14: syncs.vip.schedule.every \"7m\" is not one of the choices"),
        BadConfiguration(
            "every: 30m", "every: 60m",
            "29:14: syncs.vip.schedule.every \"60m\" is not one of the choices; did you mean \"1h\"?"),
        BadConfiguration(
            "every: 30m", "every: daily",
            "29:14: syncs.vip.schedule.every \"daily\" is not one of the choices; did you mean \"24h\"?"),
        BadConfiguration(
            "      every: 30m\n", "", "28:5: the key \"every\" is missing in syncs.vip.schedule"),
        BadConfiguration(
            "at: \"06:00\"", "at: 6:00",
            "30:11: syncs.vip.schedule.at \"6:00\" is no time of day; did you mean \"06:00\"?"),
        BadConfiguration("at: \"06:00\"", "at: noon", "30:11: syncs.vip.schedule.at \"noon\" is no time of day"),
        BadConfiguration(
            "max_removals: 25%", "max_removals: 101%",
            "32:21: syncs.vip.guards.max_removals \"101%\" is out of range"),
        BadConfiguration(
            "max_removals: 25%", "max_removals: 0.25",
            "32:21: syncs.vip.guards.max_removals \"0.25\" is neither a percentage nor a count; did you mean 25%?"),
        BadConfiguration(
            "max_removals: 25%", "max_removals: -1",
            "32:21: syncs.vip.guards.max_removals \"-1\" is neither a percentage nor a count"),
        BadConfiguration(
            "max_removals: 25%", "allow_empty: yes",
            "32:20: syncs.vip.guards.allow_empty \"yes\" is not true or false; did you mean true?"),
        BadConfiguration(
            "max_removals: 25%", "allow_empty: \"true\"",
            "32:20: syncs.vip.guards.allow_empty \"true\" is not true or false; did you mean true?"),
        BadConfiguration(
            "    guards:\n      max_removals: 25%", "    logs:\n      retention_days: 0",
            "32:23: syncs.vip.logs.retention_days \"0\" is out of range"),
        BadConfiguration(
            "    guards:\n      max_removals: 25%", "    logs:\n      records: failed",
            "32:16: syncs.vip.logs.records \"failed\" is not one of the choices; did you mean \"failures\"?"),
    ]
}

/// Changes that spoil the file as such, or its top level.
enum BadDocuments {
    static let all = [
        BadConfiguration("syncs:\n", "sync:\n", "17:1: unknown key \"sync\"; did you mean \"syncs\"?"),
        BadConfiguration(
            "warehouses:\n", "---\nwarehouses: {}\n---\n",
            "3:1: not valid YAML: a second document begins here"),
        BadConfiguration("    warehouse: shop", "\twarehouse: shop", "19:1: not valid YAML: a tab"),
        BadConfiguration(
            "    warehouse: shop", "    warehouse shop", "20:16: not valid YAML: a \":\" where no key can stand"),
        BadConfiguration(
            "name: VIP customers", "name: @vip", "24:13: not valid YAML: a value cannot begin with \"@\""),
        BadConfiguration(
            "      at: \"06:00\"", "      at: \"06:00",
            "32:24: not valid YAML: a quote is not closed, at the end of the file (while scanning a quoted scalar that "
                + "begins on line 30)"),
        BadConfiguration(
            "name: VIP customers", "name: VIP\u{1} customers",
            "24:16: the character U+0001 is not allowed in YAML"),
        BadConfiguration(
            "name: VIP customers", "name: *vip", "24:13: not valid YAML: this alias refers to no anchor above it"),
        BadConfiguration(
            "  vip:\n", "  vip: &vip\n    enabled: *vip\n",
            "19:14: not valid YAML: this alias refers to no anchor above it"),
        BadConfiguration(
            "    audience:", "    warehouse: crm\n    audience:",
            "21:5: the key \"warehouse\" stands here a second time; the first is on line 19"),
        BadConfiguration(
            "    audience:\n      table: vip_customers", "    audience: {table: a, table: b}",
            "21:16: the key \"table\" stands here more than once"),
        BadConfiguration("name: VIP customers", "name: !vip a", "24:13: syncs.vip.list.name has the tag \"!vip\""),
        BadConfiguration(
            "name: VIP customers", "name: ${LIST NAME}",
            "24:13: this is no reference to an environment variable (syncs.vip.list.name)"),
        BadConfiguration(
            "name: VIP customers", "name: ${WORD",
            "24:13: this is no reference to an environment variable (syncs.vip.list.name)"),
        BadConfiguration(
            "name: VIP customers", "name: \"A ${NOPE} and ${NOPE2:-x}\"",
            "24:16: the environment variable NOPE is not set (syncs.vip.list.name)"),
        BadConfiguration(
            "syncs:\n", "server:\n  listen: 8420\n  tokens:\n    - {name: a, role: admin, sha256: lit3ral}\nsyncs:\n",
            "18:11: server.listen \"8420\" is a number, not text; did you mean \"8420\"?",
            "20:23: server.tokens[0].role \"admin\" is not one of the choices",
            "20:38: server.tokens[0].sha256 is no SHA-256 hash"),
    ]
}
