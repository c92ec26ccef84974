extension OpenAPIDocument {
    /// The shapes of streams by name.
    static let streamSchemas = #"""
        "StreamSettings": {"type":"object","properties":{"poll_seconds":{"type":"number","minimum":1,"maximum":60},
          "linger_seconds":{"type":"number","minimum":0,"maximum":30},"wake":{"type":["string","null"],
          "description":"The channel of Postgres's NOTIFY."}},"required":["poll_seconds","linger_seconds","wake"],
          "additionalProperties":false,"description":"How new rows are looked for, as the configuration has it."},
        "Stream": {"type":"object","properties":{"phase":{"type":"string","enum":["starting","following","sending",
          "paused","held","elsewhere","failing"],
          "description":"elsewhere: another process, or a run by hand, has the sync."},"lag_seconds":{
          "type":"number","minimum":0,"description":"Age of the oldest record that was read and has no outcome; 0: there is none."},
          "backlog":{"type":"integer","minimum":0,"description":"Records that were read and have no outcome."},
          "records":{"type":"integer","minimum":0,"description":"Records with an outcome since the process began."},
          "records_per_second":{"type":"number","minimum":0,"description":"Over the last ten seconds."},
          "latest_read_at":{"type":["string","null"],"format":"date-time"},"wakes":{"type":"object","properties":{
          "state":{"type":"string","enum":["none","listening","unavailable"]},"message":{"type":["string","null"],
          "description":"Why no notifications come."}},"required":["state","message"],"additionalProperties":false},
          "run_id":{"type":["string","null"],"description":"The held run that it waits for."},"error":{"oneOf":[{
          "$ref":"#/components/schemas/StreamError"},{"type":"null"}]}},"required":["phase","lag_seconds","backlog",
          "records","records_per_second","latest_read_at","wakes","run_id","error"],"additionalProperties":false,
          "description":"A stream as the process that answers sees it."},
        "StreamError": {"type":"object","properties":{"code":{"type":"string"},"message":{"type":"string"},
          "tries_again_at":{"type":"string","format":"date-time"}},"required":["code","message","tries_again_at"],
          "additionalProperties":false,"description":"Why it has ended, and when it begins again."}
        """#
}
