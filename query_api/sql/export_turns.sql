-- All turns of the chosen sessions that started in the range, as they lie.
SELECT
    t.session_id AS session_id, nullIf(calls.user_id, '') AS user_id, nullIf(calls.service, '') AS service,
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
    nullIf(calls.tool_name, '') AS tool_name
FROM session_traces AS t FINAL
ARRAY JOIN calls
WHERE t.project_id = {project:String}
  AND t.spans > 0
  AND t.session_id != ''
  AND calls.kind = 'llm'
  AND t.ended_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
  AND t.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
  AND calls.started_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
  AND calls.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
  AND ({everything:Bool} OR t.session_id IN (SELECT session_id FROM chosen))
