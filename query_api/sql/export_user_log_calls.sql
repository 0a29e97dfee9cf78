-- These log records in full: they are one user's.
WITH l.content_until > toDateTime(0) AND l.content_until <= now() AS expired
SELECT
    l.trace_id AS trace_id, nullIf(l.span_id, '') AS span_id, l.record_id AS record_id, nullIf(l.event, '') AS event,
    l.started_at AS started_at, l.ended_at AS ended_at, nullIf(l.service, '') AS service,
    nullIf(l.scope_name, '') AS scope, nullIf(l.session_id, '') AS session_id,
    nullIf(l.conversation_id, '') AS conversation_id, nullIf(l.resource_session_id, '') AS resource_session_id,
    nullIf(l.default_session_id, '') AS default_session_id, nullIf(l.user_id, '') AS user_id,
    nullIf(l.resource_user_id, '') AS resource_user_id, nullIf(l.default_user_id, '') AS default_user_id,
    nullIf(l.call_kind, '') AS call_kind, nullIf(l.dialect, '') AS dialect, nullIf(l.provider, '') AS provider,
    nullIf(l.request_model, '') AS request_model, nullIf(l.response_model, '') AS response_model,
    nullIf(l.response_id, '') AS response_id, l.input_tokens AS input_tokens, l.output_tokens AS output_tokens,
    l.cache_read_tokens AS cache_read_tokens, l.cache_write_tokens AS cache_write_tokens,
    l.reasoning_tokens AS reasoning_tokens, l.cost_usd AS cost_usd, nullIf(l.cost_source, '') AS cost_source,
    CAST(l.finish_reasons, 'Array(String)') AS finish_reasons, l.failed AS failed,
    nullIf(l.error_type, '') AS error_type, nullIf(l.error_message, '') AS error_message,
    nullIf(l.tool_name, '') AS tool_name, nullIf(l.agent_name, '') AS agent_name,
    nullIf(l.prompt_name, '') AS prompt_name, nullIf(l.release, '') AS release,
    nullIf(l.environment, '') AS environment, CAST(l.tags, 'Array(String)') AS tags,
    CAST(l.metadata, 'Map(String, String)') AS metadata,
    if(expired, NULL, nullIf(l.input_messages, '')) AS input_messages,
    if(expired, NULL, nullIf(l.output_messages, '')) AS output_messages,
    if(expired, NULL, nullIf(l.system_instructions, '')) AS system_instructions,
    if(expired, NULL, nullIf(l.tool_definitions, '')) AS tool_definitions,
    if(expired, NULL, nullIf(l.tool_arguments, '')) AS tool_arguments,
    if(expired, NULL, nullIf(l.tool_result, '')) AS tool_result, l.received_at AS received_at
FROM log_calls AS l FINAL
WHERE (l.project_id, toStartOfHour(l.started_at), l.trace_id) IN (
          SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
          WHERE project_id = {project:String} AND trace_id IN (SELECT trace_id FROM owned))
  AND (l.trace_id, l.record_id) IN (SELECT trace_id, record_id FROM owned)
ORDER BY l.started_at, l.position, l.record_id
