-- The first of these log records, as if it were a span: it stands for a call of which no span ever came.
SELECT
    l.trace_id AS trace_id, l.record_id AS span_id, nullIf(l.span_id, '') AS parent_span_id,
    nullIf(l.event, '') AS name, 'log' AS kind, l.started_at AS started_at, l.ended_at AS ended_at,
    (toUnixTimestamp64Nano(l.ended_at) - toUnixTimestamp64Nano(l.started_at)) / 1e6 AS duration_ms,
    if(l.failed, 'error', 'ok') AS status, NULL AS status_message, nullIf(l.service, '') AS service,
    nullIf(l.scope_name, '') AS scope, NULL AS scope_version, CAST(map(), 'Map(String, String)') AS attributes,
    CAST(map(), 'Map(String, String)') AS resource_attributes, CAST(map(), 'Map(String, String)') AS scope_attributes,
    [] AS events, [] AS links, NULL AS trace_state, 0 AS flags, 0 AS dropped_attributes, 0 AS dropped_events,
    0 AS dropped_links, [] AS flaws, nullIf(l.session_id, '') AS session_id,
    nullIf(l.conversation_id, '') AS conversation_id, nullIf(l.resource_session_id, '') AS resource_session_id,
    nullIf(l.session_key, '') AS session_key, nullIf(l.user_id, '') AS user_id, NULL AS user_key,
    nullIf(l.dialect, '') AS dialect, nullIf(l.operation, '') AS operation,
    nullIf(l.price_source, '') AS price_source, nullIf(l.response_id, '') AS response_id,
    nullIf(l.tool_call_id, '') AS tool_call_id, nullIf(l.agent_name, '') AS agent_name,
    nullIf(l.prompt_name, '') AS prompt_name, NULL AS prompt_version, nullIf(l.release, '') AS release,
    nullIf(l.environment, '') AS environment, l.tags AS tags, CAST(l.metadata, 'Map(String, String)') AS metadata,
    l.received_at AS received_at,
    l.call_kind AS call_kind, l.input_tokens AS input_tokens, l.output_tokens AS output_tokens,
    l.response_model AS response_model, l.request_model AS request_model, l.provider AS provider,
    l.first_token_ns / 1e6 AS first_token_ms, l.cache_read_tokens AS cache_read_tokens,
    l.cache_write_tokens AS cache_write_tokens, l.reasoning_tokens AS reasoning_tokens, l.cost_usd AS cost_usd,
    l.cost_source AS cost_source, l.error_type AS error_type, l.finish_reasons AS finish_reasons,
    l.tool_name AS tool_name, '' AS error_message, '' AS input_preview, '' AS output_preview, '' AS input_messages,
    '' AS output_messages, '' AS system_instructions, '' AS tool_definitions, '' AS tool_arguments, '' AS tool_result
FROM log_calls AS l FINAL
WHERE (l.project_id, toStartOfHour(l.started_at), l.trace_id) IN (
          SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
          WHERE project_id = {project:String} AND trace_id IN (SELECT trace_id FROM records))
  AND (l.trace_id, l.record_id) IN (SELECT trace_id, record_id FROM records)
ORDER BY l.says = 'part', l.started_at, l.position, l.record_id
LIMIT 1
