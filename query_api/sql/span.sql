-- One span in full: its newest row.
SELECT
    n.trace_id AS trace_id, n.span_id AS span_id, nullIf(n.parent_span_id, '') AS parent_span_id,
    nullIf(n.name, '') AS name, n.kind AS kind, n.started_at AS started_at, n.ended_at AS ended_at,
    (toUnixTimestamp64Nano(n.ended_at) - toUnixTimestamp64Nano(n.started_at)) / 1e6 AS duration_ms,
    if(n.failed, 'error', 'ok') AS status, nullIf(n.status_message, '') AS status_message,
    nullIf(n.service, '') AS service, nullIf(n.scope_name, '') AS scope, nullIf(n.scope_version, '') AS scope_version,
    CAST(mapConcat(n.attributes, if(n.expired, map(), n.content_attributes)), 'Map(String, String)') AS attributes,
    CAST(n.resource_attributes, 'Map(String, String)') AS resource_attributes,
    CAST(n.scope_attributes, 'Map(String, String)') AS scope_attributes,
    arrayMap((at, name, attributes, dropped) -> CAST(
                 (at, name, if(n.expired, mapFilter((key, _) -> startsWith(key, 'exception.'), attributes), attributes),
                  dropped),
                 'Tuple(at DateTime64(9, \'UTC\'), name String, attributes Map(String, String),
                        dropped_attributes UInt32)'),
             n.events.at, n.events.name, n.events.attributes, n.events.dropped_attributes) AS events,
    arrayMap((trace, span, state, attributes, dropped) -> CAST(
                 (trace, span, state, attributes, dropped),
                 'Tuple(trace_id String, span_id String, trace_state String, attributes Map(String, String),
                        dropped_attributes UInt32)'),
             n.links.trace_id, n.links.span_id, n.links.trace_state, n.links.attributes,
             n.links.dropped_attributes) AS links,
    nullIf(n.trace_state, '') AS trace_state, n.flags AS flags, n.dropped_attributes AS dropped_attributes,
    n.dropped_events AS dropped_events, n.dropped_links AS dropped_links, n.flaws AS flaws,
    nullIf(n.session_id, '') AS session_id, nullIf(n.conversation_id, '') AS conversation_id,
    nullIf(n.resource_session_id, '') AS resource_session_id, nullIf(n.session_key, '') AS session_key,
    nullIf(n.user_id, '') AS user_id, nullIf(n.user_key, '') AS user_key, nullIf(n.dialect, '') AS dialect,
    nullIf(n.operation, '') AS operation, nullIf(n.price_source, '') AS price_source,
    nullIf(n.response_id, '') AS response_id, nullIf(n.tool_call_id, '') AS tool_call_id,
    nullIf(n.agent_name, '') AS agent_name, nullIf(n.prompt_name, '') AS prompt_name,
    nullIf(n.prompt_version, '') AS prompt_version, nullIf(n.release, '') AS release,
    nullIf(n.environment, '') AS environment, n.tags AS tags, CAST(n.metadata, 'Map(String, String)') AS metadata,
    n.received_at AS received_at,
    n.call_kind AS call_kind, n.input_tokens AS input_tokens, n.output_tokens AS output_tokens,
    n.response_model AS response_model, n.request_model AS request_model, n.provider AS provider,
    n.first_token_ns / 1e6 AS first_token_ms, n.cache_read_tokens AS cache_read_tokens,
    n.cache_write_tokens AS cache_write_tokens, n.reasoning_tokens AS reasoning_tokens, n.cost_usd AS cost_usd,
    n.cost_source AS cost_source, n.error_type AS error_type, n.finish_reasons AS finish_reasons,
    n.tool_name AS tool_name, n.error_message AS error_message,
    if(n.expired, '', n.input_preview) AS input_preview, if(n.expired, '', n.output_preview) AS output_preview,
    if(n.expired, '', n.input_messages) AS input_messages, if(n.expired, '', n.output_messages) AS output_messages,
    if(n.expired, '', n.system_instructions) AS system_instructions,
    if(n.expired, '', n.tool_definitions) AS tool_definitions, if(n.expired, '', n.tool_arguments) AS tool_arguments,
    if(n.expired, '', n.tool_result) AS tool_result
FROM
(
    SELECT *, content_until > toDateTime(0) AND content_until <= now() AS expired
    FROM spans
    WHERE (project_id, toStartOfHour(started_at), trace_id) IN (
              SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
              WHERE project_id = {project:String} AND trace_id = {trace_id:String})
      AND span_id = {span_id:String}
    ORDER BY version DESC
    LIMIT 1
) AS n
