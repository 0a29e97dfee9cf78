-- A page of a session's traces, in the order of time.
WITH toDecimal128(toUnixTimestamp64Nano(t.started_at), 12) AS key
SELECT
    t.trace_id AS trace_id, nullIf(t.session_id, '') AS session_id, nullIf(t.name, '') AS name,
    t.started_at AS started_at, t.ended_at AS ended_at,
    (toUnixTimestamp64Nano(t.ended_at) - toUnixTimestamp64Nano(t.started_at)) / 1e6 AS duration_ms, t.spans AS spans,
    t.turns AS turns, t.input_tokens AS input_tokens, t.output_tokens AS output_tokens,
    t.input_tokens + t.output_tokens AS total_tokens, t.cache_read_tokens AS cache_read_tokens,
    t.cache_write_tokens AS cache_write_tokens, t.reasoning_tokens AS reasoning_tokens, t.cost_usd AS cost_usd,
    t.errors AS errors, if(t.failed, 'error', 'ok') AS status, arraySlice(t.models, 1, 100) AS models,
    if({content:Bool}, nullIf(t.input_preview, ''), NULL) AS input_preview,
    if({content:Bool}, nullIf(t.output_preview, ''), NULL) AS output_preview,
    toString(key) AS sort_value, t.trace_id AS sort_id
FROM session_traces AS t FINAL
WHERE t.project_id = {project:String}
  AND t.session_id = {session_id:String}
  AND t.spans > 0
  AND ({after_id:Nullable(String)} IS NULL
       OR (key, t.trace_id) > ({after_value:Decimal(38, 12)}, ifNull({after_id:Nullable(String)}, '')))
ORDER BY key, trace_id
LIMIT {limit:UInt32}
