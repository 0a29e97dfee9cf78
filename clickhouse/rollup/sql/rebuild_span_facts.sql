-- What span_facts_mv does for new rows, for a day of old ones.
INSERT INTO span_facts
SELECT project_id, trace_id, span_id, parent_span_id, started_at, ended_at, name, kind, service, scope_name, environment,
       release, failed, session_id, conversation_id, resource_session_id, default_session_id, session_key, user_id,
       resource_user_id, default_user_id, call_kind, provider, request_model, response_model, response_id, input_tokens,
       output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd, cost_source, first_token_ns,
       finish_reasons, error_type, tool_name, agent_name, prompt_name, tags, metadata, input_preview, output_preview,
       content_until, stored_at, version
FROM spans
WHERE toDate(started_at) = {day:Date} AND stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
