-- A page of a session's calls, in the order of time.
WITH toDecimal128(toUnixTimestamp64Nano(calls.started_at), 12) AS key,
     concat(t.trace_id, '/', calls.span_id) AS id
SELECT
    calls.span_id AS span_id, t.trace_id AS trace_id, calls.kind AS kind, nullIf(calls.name, '') AS name,
    nullIf(if(calls.response_model != '', calls.response_model, calls.request_model), '') AS model,
    nullIf(calls.provider, '') AS provider, calls.started_at AS started_at, calls.duration_ns / 1e6 AS duration_ms,
    calls.first_token_ns / 1e6 AS first_token_ms, calls.input_tokens AS input_tokens,
    calls.output_tokens AS output_tokens,
    if(calls.input_tokens IS NULL AND calls.output_tokens IS NULL, NULL,
       ifNull(calls.input_tokens, 0) + ifNull(calls.output_tokens, 0)) AS total_tokens,
    calls.cache_read_tokens AS cache_read_tokens, calls.cache_write_tokens AS cache_write_tokens,
    calls.reasoning_tokens AS reasoning_tokens, calls.cost_usd AS cost_usd,
    nullIf(calls.cost_source, '') AS cost_source, if(calls.failed, 'error', 'ok') AS status,
    nullIf(calls.error_type, '') AS error_type, calls.finish_reasons AS finish_reasons,
    nullIf(calls.tool_name, '') AS tool_name, calls.members AS members, toString(key) AS sort_value, id AS sort_id
FROM session_traces AS t FINAL
ARRAY JOIN calls
WHERE t.project_id = {project:String}
  AND t.session_id = {session_id:String}
  AND t.spans > 0
  AND ({after_id:Nullable(String)} IS NULL
       OR (key, id) > ({after_value:Decimal(38, 12)}, ifNull({after_id:Nullable(String)}, '')))
ORDER BY key, id
LIMIT {limit:UInt32}
