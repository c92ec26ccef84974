extension OpenAPIDocument {
    /// The shapes of answers by name.
    static let schemas = #"""
        "Run": {"type":"object","properties":{"run_id":{"type":"string","format":"uuid"},"sync":{"type":"string"},
          "status":{"type":"string","enum":["queued","running","succeeded","completed_with_failures","failed","held",
          "cancelled","skipped","interrupted"]},"trigger":{"type":"string","enum":["manual","schedule","api","stream"]},
          "kind":{"type":"string","enum":["list","users","events","catalog"]},"target":{"type":["string","null"],
          "description":"Name of the list or catalog; of events their name, or `events`."},"list_id":{"type":["integer","null"]},"started_at":{"type":"string","format":"date-time"},"finished_at":{
          "type":["string","null"],"format":"date-time"},"counts":{"$ref":"#/components/schemas/Counts"},"requests":{
          "$ref":"#/components/schemas/Requests"},"error":{"oneOf":[{"$ref":"#/components/schemas/Error"},{
          "type":"null"}]},"held":{"type":"array","items":{"type":"object","properties":{"guard":{"type":"string"},
          "limit":{"type":"string"},"observed":{"type":"string"}},"required":["guard","limit","observed"],
          "additionalProperties":false}},"read":{"type":"object","properties":{"mode":{"type":"string","enum":["all","grouped",
          "changed","fallback"]},"bytes":{"type":["integer","null"],"minimum":0},"seconds":{"type":"number","minimum":0},"reason":{
          "type":"string"}},"required":["mode","bytes","seconds","reason"],"additionalProperties":false,
          "description":"Of lists: how the rows were read, and what came from the database for it."}},"required":["run_id","sync","status","trigger","kind","target","list_id","started_at",
          "finished_at","counts","requests","error"],"additionalProperties":false,
          "description":"As `rollcall run --json` has it."},
        "Counts": {"type":"object","properties":{"rows_read":{"type":"integer","minimum":0},"invalid":{
          "type":"integer","minimum":0},"duplicates":{"type":"integer","minimum":0},"excluded":{"type":"integer",
          "minimum":0},"audience":{"type":"integer","minimum":0,"description":"Of lists."},"records":{
          "type":"integer","minimum":0,"description":"Of other kinds."},"unchanged":{"type":"integer","minimum":0},
          "waiting":{"type":"integer","minimum":0},"late":{"type":"integer","minimum":0,
          "description":"Of events: those that only a sweep found."},"verified":{"type":"integer","minimum":0,
          "description":"Of catalogs: items that were read back and are as they were put."},"not_verified":{
          "type":"integer","minimum":0,"description":"Of catalogs: items that were read back and are not."},"planned":{
          "$ref":"#/components/schemas/PerOperation"},"succeeded":{"$ref":"#/components/schemas/PerOperation"},
          "failed":{"$ref":"#/components/schemas/PerOperation"},"not_attempted":{"type":"integer","minimum":0},
          "unknown":{"type":"integer","minimum":0}},"required":["rows_read","invalid","duplicates","excluded",
          "unchanged","waiting","planned","succeeded","failed","not_attempted","unknown"],"additionalProperties":false,
          "description":"In every ended run rows_read = invalid + duplicates + excluded + audience (or records), and planned = succeeded + failed + not_attempted + unknown."},
          
        "PerOperation": {"oneOf":[{"$ref":"#/components/schemas/ListOperations"},{
          "$ref":"#/components/schemas/UserOperations"},{"$ref":"#/components/schemas/EventOperations"},{
          "$ref":"#/components/schemas/CatalogOperations"}]},
        "EventOperations": {"type":"object","properties":{"track":{"type":"integer","minimum":0}},"required":["track"],
          "additionalProperties":false},
        "UserOperations": {"type":"object","properties":{"update":{"type":"integer","minimum":0},"rename":{
          "type":"integer","minimum":0},"clear":{"type":"integer","minimum":0},"delete":{"type":"integer",
          "minimum":0}},"required":["update","rename","clear","delete"],"additionalProperties":false},
        "ListOperations": {"type":"object","properties":{"subscribe":{"type":"integer","minimum":0},"unsubscribe":{
          "type":"integer","minimum":0}},"required":["subscribe","unsubscribe"],"additionalProperties":false},
        "CatalogOperations": {"type":"object","properties":{"put":{"type":"integer","minimum":0},"delete":{
          "type":"integer","minimum":0}},"required":["put","delete"],"additionalProperties":false},
        "Requests": {"type":"object","properties":{"sent":{"type":"integer","minimum":0},"retried":{"type":"integer",
          "minimum":0},"rate_limited":{"type":"integer","minimum":0}},"required":["sent","retried","rate_limited"],
          "additionalProperties":false},
        "Error": {"type":"object","properties":{"code":{"type":"string"},"message":{"type":"string"},"hint":{"type":[
          "string","null"]}},"required":["code","message","hint"],"additionalProperties":false},
        "Sync": {"type":"object","properties":{"sync":{"type":"string"},"state":{"type":"string","enum":[
          "unreachable","running","held","paused","disabled","failing","streaming","scheduled","manual"]},"enabled":{
          "type":"boolean"},"paused":{"type":"boolean"},"warehouse":{"type":"string","description":"Its rows are read there."},
          "state_warehouse":{"type":["string","null"],"description":"State and logs are kept there; null: in `warehouse`."},
          "destination":{"type":"string"},"kind":{
          "type":"string","enum":["list","users","events","catalog"]},
          "list_id":{"type":["integer","null"]},"schedule":{"oneOf":[{"$ref":"#/components/schemas/Schedule"},{
          "type":"null"}]},"stream_settings":{"oneOf":[{"$ref":"#/components/schemas/StreamSettings"},{"type":"null"}],
          "description":"null: the sync is not streamed."},"stream":{"oneOf":[{"$ref":"#/components/schemas/Stream"},{
          "type":"null"}],"description":"null: this process has not begun a stream of the sync."},"members":{"type":["integer","null"],"minimum":0},"next_due_at":{"type":["string","null"],
          "format":"date-time"},"latest_tick":{"oneOf":[{"$ref":"#/components/schemas/Tick"},{"type":"null"}]},
          "latest_run":{"oneOf":[{"$ref":"#/components/schemas/Run"},{"type":"null"}]},"held_run_id":{"type":[
          "string","null"]},"live":{"oneOf":[{"$ref":"#/components/schemas/Live"},{"type":"null"}]},"problem":{
          "oneOf":[{"$ref":"#/components/schemas/Error"},{"type":"null"}],
          "description":"Why members, runs and ticks are not known: the warehouse does not answer (`state` is `unreachable`); or `state_elsewhere` (`state` is `failing`, unless it is `paused` or `disabled`): the state of the sync is in another warehouse than the configuration has it in; or `state_unknown` (the same): it may be in one that cannot be read."}},"required":["sync","state","enabled",
          "paused","warehouse","state_warehouse","destination","kind","list_id","schedule","stream_settings","stream","members","next_due_at","latest_tick","latest_run",
          "held_run_id","live","problem"],"additionalProperties":false},
        "Schedule": {"type":"object","properties":{"every":{"type":"string","enum":["5m","10m","15m","30m","1h","3h",
          "6h","12h","24h"]},"at":{"type":"string"}},"required":["every","at"],"additionalProperties":false},
        "Tick": {"type":"object","properties":{"sync":{"type":"string"},"due_at":{"type":"string",
          "format":"date-time"},"outcome":{"type":"string","enum":["pending","ran","skipped_running","skipped_held",
          "skipped_paused","skipped_disabled","missed"]},"run_id":{"type":["string","null"]},"lateness_seconds":{
          "type":["number","null"]}},"required":["sync","due_at","outcome","run_id","lateness_seconds"],
          "additionalProperties":false},
        "Live": {"type":"object","properties":{"run_id":{"type":"string"},"sync":{"type":"string"},"trigger":{
          "type":"string"},"started_at":{"type":"string","format":"date-time"},"phase":{"type":"string"},"done":{
          "type":["integer","null"],"minimum":0},"total":{"type":["integer","null"],"minimum":0},
          "changes_per_second":{"type":["number","null"]},"seconds_left":{"type":["number","null"]},"requests":{
          "$ref":"#/components/schemas/Requests"}},"required":["run_id","sync","trigger","started_at","phase","done",
          "total","changes_per_second","seconds_left","requests"],"additionalProperties":false,
          "description":"A run in progress in the process that answers."},
        "Record": {"type":"object","properties":{"record_id":{"type":"string"},"run_id":{"type":"string"},"sync":{
          "type":"string"},"email":{"type":["string","null"]},"user_id":{"type":["string","null"]},"operation":{
          "type":"string","enum":["subscribe","unsubscribe","put","delete","update","rename","clear","track","validate"]},
          "status":{"type":"string","enum":["succeeded","failed","unknown","not_attempted","waiting"]},"error_code":{"type":["string","null"]},"error_reason":{
          "type":["string","null"]},"http_status":{"type":["integer","null"]},"attempts":{"type":"integer",
          "minimum":0},"logged_at":{"type":"string","format":"date-time"},"record_key":{"type":["string","null"]},
          "item_id":{"type":["string","null"]},"event_name":{"type":["string","null"]},"event_id":{"type":["string",
          "null"]}},"required":["record_id","run_id","sync","email","user_id","operation","status","error_code","error_reason","http_status","attempts","logged_at"],
          "additionalProperties":false},
        "Why": {"oneOf":[{"$ref":"#/components/schemas/WhyPerson"},{"$ref":"#/components/schemas/WhyRecord"},{
          "$ref":"#/components/schemas/WhyEvent"}]},
        "WhyEvent": {"type":"object","properties":{"sync":{"type":"string"},"identifier":{"type":"string"},"in_source":{
          "type":"boolean"},"source":{"type":"array","items":{"type":"object","properties":{"record_key":{"type":[
          "string","null"]},"event_name":{"type":["string","null"]},"event_id":{"type":["string","null"]},"email":{
          "type":["string","null"]},"user_id":{"type":["string","null"]},"valid":{"type":"boolean"},"excluded":{
          "type":"boolean"},"error_code":{"type":["string","null"]},"error_reason":{"type":["string","null"]}},
          "required":["record_key","event_name","event_id","email","user_id","valid","excluded","error_code",
          "error_reason"],"additionalProperties":false}},"events":{"type":"array","items":{"type":"object",
          "properties":{"event_key":{"type":"string"},"event_id":{"type":["string","null"]},"state":{"type":"string",
          "enum":["sent","sending","skipped","waiting","rejected"]},"run_id":{"type":"string"},"at":{"type":"string",
          "format":"date-time"},"record_key":{"type":["string","null"]},"event_name":{"type":["string","null"]},
          "email":{"type":["string","null"]},"user_id":{"type":["string","null"]},"error_code":{"type":["string",
          "null"]},"error_reason":{"type":["string","null"]},"waits_until":{"type":["string","null"],
          "format":"date-time"}},"required":["event_key","event_id","state","run_id","at","record_key","event_name",
          "email","user_id","error_code","error_reason","waits_until"],"additionalProperties":false}},"people":{
          "type":"array","description":"Where events wait for a sync of users (`after`).","items":{"type":"object",
          "properties":{"email":{"type":["string","null"]},"user_id":{"type":["string","null"]},"sync":{
          "type":"string"},"acknowledged":{"type":"boolean"}},"required":["email","user_id","sync","acknowledged"],
          "additionalProperties":false}},"next":{"type":"string"},"log":{"type":"array","items":{
          "$ref":"#/components/schemas/Record"}}},"required":["sync","identifier","in_source","source","events",
          "people","next","log"],"additionalProperties":false},
        "WhyPerson": {"type":"object","properties":{"sync":{"type":"string"},"identifier":{"type":"string"},"in_audience":{
          "type":"boolean"},"audience":{"type":"array","items":{"type":"object","properties":{"email":{"type":[
          "string","null"]},"user_id":{"type":["string","null"]},"valid":{"type":"boolean"},"error_code":{"type":[
          "string","null"]},"error_reason":{"type":["string","null"]},"represented_by_email":{"type":["string",
          "null"]},"represented_by_user_id":{"type":["string","null"]}},"required":["email","user_id","valid",
          "error_code","error_reason","represented_by_email","represented_by_user_id"],
          "additionalProperties":false}},"snapshot":{"type":"array","items":{
          "type":"object","properties":{"email":{"type":["string","null"]},"user_id":{"type":["string","null"]},
          "state":{"type":"string","enum":["subscribed","subscribing","unsubscribing","rejected"]},"since_run_id":{
          "type":"string"},"since":{"type":"string","format":"date-time"}},"required":["email","user_id","state",
          "since_run_id","since"],"additionalProperties":false}},"next":{"type":"string"},"log":{"type":"array",
          "items":{"$ref":"#/components/schemas/Record"}}},"required":["sync","identifier","in_audience","audience",
          "snapshot","next","log"],"additionalProperties":false},
        "WhyRecord": {"type":"object","properties":{"sync":{"type":"string"},"identifier":{"type":"string"},"in_source":{
          "type":"boolean"},"source":{"type":"array","items":{"type":"object","properties":{"record_key":{"type":[
          "string","null"]},"valid":{"type":"boolean"},"error_code":{"type":["string","null"]},"error_reason":{
          "type":["string","null"]}},"required":["record_key","valid","error_code","error_reason"],
          "additionalProperties":false}},"snapshot":{"type":"array","items":{"type":"object","properties":{
          "record_key":{"type":["string","null"]},"email":{"type":["string","null"]},"user_id":{"type":["string",
          "null"]},"item_id":{"type":["string","null"]},"state":{"type":"string",
          "enum":["synced","sending","removing","rejected","waiting"]},"since_run_id":{"type":"string"},"since":{
          "type":"string","format":"date-time"}},"required":["record_key","email","user_id","item_id","state","since_run_id","since"],
          "additionalProperties":false}},"next":{"type":"string"},"log":{"type":"array","items":{
          "$ref":"#/components/schemas/Record"}}},"required":["sync","identifier","in_source","source","snapshot",
          "next","log"],"additionalProperties":false},
        "SyncPage": {"type":"object","properties":{"items":{"type":"array","items":{
          "$ref":"#/components/schemas/Sync"}},"next":{"type":["string","null"]},"unreachable":{"type":"array",
          "items":{"type":"object","properties":{"warehouse":{"type":"string"},"error":{
          "$ref":"#/components/schemas/Error"}},"required":["warehouse","error"],"additionalProperties":false}}},
          "required":["items","next"],"additionalProperties":false},
        "RunPage": {"type":"object","properties":{"items":{"type":"array","items":{
          "$ref":"#/components/schemas/Run"}},"next":{"type":["string","null"]},"unreachable":{"type":"array",
          "items":{"type":"object","properties":{"warehouse":{"type":"string"},"error":{
          "$ref":"#/components/schemas/Error"}},"required":["warehouse","error"],"additionalProperties":false}},
          "state_elsewhere":{"type":"array","description":"Syncs whose runs are not among these: their state is in another warehouse than the configuration has it in, or may be (`state_unknown`).",
          "items":{"type":"object","properties":{"sync":{"type":"string"},"error":{
          "$ref":"#/components/schemas/Error"}},"required":["sync","error"],"additionalProperties":false}}},
          "required":["items","next"],"additionalProperties":false},
        "TickPage": {"type":"object","properties":{"items":{"type":"array","items":{
          "$ref":"#/components/schemas/Tick"}},"next":{"type":["string","null"]},"unreachable":{"type":"array",
          "items":{"type":"object","properties":{"warehouse":{"type":"string"},"error":{
          "$ref":"#/components/schemas/Error"}},"required":["warehouse","error"],"additionalProperties":false}}},
          "required":["items","next"],"additionalProperties":false},
        "RecordPage": {"type":"object","properties":{"items":{"type":"array","items":{
          "$ref":"#/components/schemas/Record"}},"next":{"type":["string","null"]},"unreachable":{"type":"array",
          "items":{"type":"object","properties":{"warehouse":{"type":"string"},"error":{
          "$ref":"#/components/schemas/Error"}},"required":["warehouse","error"],"additionalProperties":false}}},
          "required":["items","next"],"additionalProperties":false},
        "TriggerStarted": {"type":"object","properties":{"syncId":{"type":"string"}},"required":["syncId"],
          "additionalProperties":false},
        "TriggerStatus": {"type":"object","properties":{"id":{"type":"string"},"status":{"type":"string","enum":[
          "running","succeeded","failed"]},"error":{"type":["string","null"]}},"required":["id","status","error"],
          "additionalProperties":false},
        "Health": {"type":"object","properties":{"status":{"type":"string","enum":["ok","stuck"]},
          "scheduler_lateness_seconds":{"type":"number"}},"required":["status","scheduler_lateness_seconds"],
          "additionalProperties":false},
        "Ready": {"type":"object","properties":{"status":{"type":"string","enum":["ready","degraded","unready"]},
          "problems":{"type":"array","items":{"type":"object","properties":{"subject":{"type":"string","enum":[
          "warehouse","sync","configuration","scheduler"]},"name":{"type":["string","null"]},"code":{"type":"string"},
          "message":{"type":"string"},"hint":{"type":["string","null"]}},"required":["subject","name","code"],
          "additionalProperties":false}},"scheduler_lateness_seconds":{"type":"number"}},"required":["status",
          "problems","scheduler_lateness_seconds"],"additionalProperties":false},
        "Problem": {"type":"object","properties":{"type":{"type":"string"},"title":{"type":"string"},"status":{
          "type":"integer"},"detail":{"type":"string"},"code":{"type":"string"},"hint":{"type":["string","null"]},
          "run_id":{"type":"string"}},"required":["type","title","status","detail","code","hint"],
          "additionalProperties":false,"description":"RFC 9457; run_id names the run in the way."}
        """#
}
