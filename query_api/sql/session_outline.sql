-- Every trace of a session in short, in the order of time: its number, and what the session has come to by then.
SELECT t.trace_id AS trace_id, toUnixTimestamp64Nano(t.started_at) AS start_ns,
       toUnixTimestamp64Nano(t.ended_at) AS end_ns, t.turns AS turns, t.input_tokens + t.output_tokens AS tokens,
       t.cost_usd AS cost_usd, t.failed AS failed
FROM session_traces AS t FINAL
WHERE t.project_id = {project:String}
  AND t.session_id = {session_id:String}
  AND t.spans > 0
ORDER BY toDecimal128(start_ns, 12), trace_id
LIMIT {limit:UInt32}
