-- All spans that started in the range: of everybody, or of the chosen sessions, by the session that a span names, else
-- the one that its trace is bound to. A span that was told to start elsewhere before is shown by its newest row.
WITH x.content_until > toDateTime(0) AND x.content_until <= now() AS expired
SELECT
    x.trace_id AS trace_id, x.span_id AS span_id, nullIf(x.parent_span_id, '') AS parent_span_id,
    nullIf(x.trace_state, '') AS trace_state, x.flags AS flags, nullIf(x.name, '') AS name, x.kind AS kind,
    x.started_at AS started_at, x.ended_at AS ended_at,
    (toUnixTimestamp64Nano(x.ended_at) - toUnixTimestamp64Nano(x.started_at)) / 1e6 AS duration_ms,
    x.status AS status, nullIf(x.status_message, '') AS status_message, x.failed AS failed,
    nullIf(x.service, '') AS service, nullIf(x.scope_name, '') AS scope, nullIf(x.scope_version, '') AS scope_version,
    CAST(x.resource_attributes, 'Map(String, String)') AS resource_attributes,
    CAST(mapConcat(x.attributes, if(expired, map(), x.content_attributes)), 'Map(String, String)') AS attributes,
    arrayMap((at, name, attributes) -> CAST(
                 (at, name, if(expired, mapFilter((key, _) -> startsWith(key, 'exception.'), attributes), attributes)),
                 'Tuple(at DateTime64(9, \'UTC\'), name String, attributes Map(String, String))'),
             x.events.at, x.events.name, x.events.attributes) AS events,
    arrayMap((trace, span, attributes) -> CAST(
                 (trace, span, attributes),
                 'Tuple(trace_id String, span_id String, attributes Map(String, String))'),
             x.links.trace_id, x.links.span_id, x.links.attributes) AS links,
    x.flaws AS flaws, nullIf(x.session_id, '') AS session_id, nullIf(x.conversation_id, '') AS conversation_id,
    nullIf(x.resource_session_id, '') AS resource_session_id, nullIf(x.default_session_id, '') AS default_session_id,
    nullIf(x.user_id, '') AS user_id, nullIf(x.resource_user_id, '') AS resource_user_id,
    nullIf(x.default_user_id, '') AS default_user_id, nullIf(x.call_kind, '') AS call_kind,
    nullIf(x.dialect, '') AS dialect, nullIf(x.provider, '') AS provider,
    nullIf(x.request_model, '') AS request_model, nullIf(x.response_model, '') AS response_model,
    nullIf(x.response_id, '') AS response_id, x.input_tokens AS input_tokens, x.output_tokens AS output_tokens,
    x.cache_read_tokens AS cache_read_tokens, x.cache_write_tokens AS cache_write_tokens,
    x.reasoning_tokens AS reasoning_tokens, x.cost_usd AS cost_usd, nullIf(x.cost_source, '') AS cost_source,
    x.first_token_ns / 1e6 AS first_token_ms, CAST(x.finish_reasons, 'Array(String)') AS finish_reasons,
    nullIf(x.error_type, '') AS error_type, nullIf(x.error_message, '') AS error_message,
    nullIf(x.tool_name, '') AS tool_name, nullIf(x.tool_call_id, '') AS tool_call_id,
    nullIf(x.agent_name, '') AS agent_name, nullIf(x.prompt_name, '') AS prompt_name,
    nullIf(x.prompt_version, '') AS prompt_version, nullIf(x.release, '') AS release,
    nullIf(x.environment, '') AS environment, CAST(x.tags, 'Array(String)') AS tags,
    CAST(x.metadata, 'Map(String, String)') AS metadata,
    if(expired, NULL, nullIf(x.input_messages, '')) AS input_messages,
    if(expired, NULL, nullIf(x.output_messages, '')) AS output_messages,
    if(expired, NULL, nullIf(x.system_instructions, '')) AS system_instructions,
    if(expired, NULL, nullIf(x.tool_definitions, '')) AS tool_definitions,
    if(expired, NULL, nullIf(x.tool_arguments, '')) AS tool_arguments,
    if(expired, NULL, nullIf(x.tool_result, '')) AS tool_result, x.received_at AS received_at
FROM spans AS x FINAL
WHERE x.project_id = {project:String}
  AND x.started_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
  AND x.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
  AND ({everything:Bool} OR (x.trace_id, x.session_id) IN (
      SELECT t.trace_id, arrayJoin(if(t.inherited_spans > 0, [t.session_id, ''], [t.session_id]))
      FROM session_traces AS t FINAL
      WHERE t.project_id = {project:String}
        AND t.spans > 0
        AND t.session_id != ''
        AND t.session_id IN (SELECT session_id FROM chosen)))
  AND (x.trace_id NOT IN (
          SELECT t.trace_id FROM session_traces AS t FINAL
          WHERE t.project_id = {project:String} AND t.duplicate_spans > 0)
       OR (x.trace_id, x.span_id, x.version) IN (
          SELECT n.trace_id, n.span_id, max(n.version)
          FROM span_facts AS n
          WHERE (n.project_id, toStartOfHour(n.started_at), n.trace_id) IN (
              SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
              WHERE project_id = {project:String} AND trace_id IN (
                  SELECT t.trace_id FROM session_traces AS t FINAL
                  WHERE t.project_id = {project:String} AND t.duplicate_spans > 0))
          GROUP BY n.trace_id, n.span_id))
