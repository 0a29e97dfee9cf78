-- What log records say of the calls of a slice of traces: the columns of read_facts.sql, in its order. A record's own id
-- stands for a span's, the span it names for the parent, and what it says for the kind.
SELECT project_id, trace_id, record_id, span_id, toUnixTimestamp64Nano(started_at) AS start_ns,
       toUnixTimestamp64Nano(ended_at) AS end_ns, event, says, service, scope_name, environment, release, failed,
       session_id, conversation_id, resource_session_id, default_session_id, session_key, user_id, resource_user_id,
       default_user_id, call_kind, provider, request_model, response_model, response_id, input_tokens, output_tokens,
       cache_read_tokens, cache_write_tokens, reasoning_tokens,
       toInt64(toDecimal128(cost_usd, 12) * 1000000000000) AS cost_pico, cost_source, first_token_ns,
       finish_reasons, error_type, tool_name, agent_name, prompt_name, tags, metadata,
       if(content_until > toDateTime(0) AND content_until <= now(), '', l.input_preview) AS input_preview,
       if(content_until > toDateTime(0) AND content_until <= now(), '', l.output_preview) AS output_preview,
       toUnixTimestamp64Micro(received_at) AS received_us, toUInt64(0) AS row_hash,
       cityHash64(record_id, started_at, received_at) AS mark
FROM {home:Identifier}.log_calls AS l FINAL
WHERE (project_id, toStartOfHour(started_at), trace_id) IN
(
    SELECT project_id, arrayJoin(hours), trace_id
    FROM {home:Identifier}.trace_index
    WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM slice)
)
ORDER BY started_at, position, record_id
