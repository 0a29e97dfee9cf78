-- What span_facts_mv does for new rows, for a day of old ones.
INSERT INTO span_facts
SELECT project_id, trace_id, span_id, started_at,
       formatRowNoNewline('JSONCompactEachRow', parent_span_id, toUnixTimestamp64Nano(started_at), toUnixTimestamp64Nano(ended_at),
           name, kind, service, scope_name, environment, release, failed, session_id, conversation_id,
           resource_session_id, default_session_id, session_key, user_id, resource_user_id, default_user_id, call_kind,
           provider, request_model, response_model, response_id, input_tokens, output_tokens, cache_read_tokens,
           cache_write_tokens, reasoning_tokens, toInt64(toDecimal128(cost_usd, 12) * 1000000000000), cost_source,
           first_token_ns, finish_reasons, error_type, tool_name, agent_name, prompt_name, tags, metadata) AS facts,
       input_preview, output_preview, content_until, stored_at, version
FROM spans
WHERE toDate(started_at) = {day:Date} AND stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
