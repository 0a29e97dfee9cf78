-- One trace, put together from its parts in all sessions; `session_id` is that of the earliest.
SELECT
    t.trace_id AS trace_id, nullIf(argMin(t.session_id, (t.started_at, t.session_id)), '') AS session_id,
    arraySlice(arraySort(groupUniqArrayIf(t.session_id, t.session_id != '')), 1, 100) AS session_ids,
    nullIf(any(t.name), '') AS name, min(t.started_at) AS started_at, max(t.ended_at) AS ended_at,
    (toUnixTimestamp64Nano(max(t.ended_at)) - toUnixTimestamp64Nano(min(t.started_at))) / 1e6 AS duration_ms,
    sum(t.spans) AS spans, sum(t.turns) AS turns, sum(t.input_tokens) AS input_tokens,
    sum(t.output_tokens) AS output_tokens, sum(t.input_tokens) + sum(t.output_tokens) AS total_tokens,
    sum(t.cache_read_tokens) AS cache_read_tokens, sum(t.cache_write_tokens) AS cache_write_tokens,
    sum(t.reasoning_tokens) AS reasoning_tokens, sum(t.cost_usd) AS cost_usd, sum(t.errors) AS errors,
    if(max(t.failed), 'error', 'ok') AS status, arraySlice(arraySort(groupUniqArrayArray(t.models)), 1, 100) AS models,
    if({content:Bool}, nullIf(argMinIf(t.input_preview, (t.started_at, t.session_id), t.input_preview != ''), ''),
       NULL) AS input_preview,
    if({content:Bool}, nullIf(argMaxIf(t.output_preview, (t.started_at, t.session_id), t.output_preview != ''), ''),
       NULL) AS output_preview
FROM session_traces AS t FINAL
WHERE t.project_id = {project:String}
  AND t.trace_id = {trace_id:String}
  AND (t.session_id, t.trace_id) IN (
      SELECT session_id, trace_id FROM trace_sessions
      WHERE project_id = {project:String} AND trace_id = {trace_id:String}
      UNION ALL SELECT '', {trace_id:String})
  AND t.spans > 0
GROUP BY t.trace_id
