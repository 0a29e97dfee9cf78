-- What of a project's traces could not be told for certain, in a range of time.
SELECT
    countIf(t.session_id = '') AS traces_without_session, sumIf(t.spans, t.session_id = '') AS spans_without_session,
    sum(t.spans) AS spans, uniqExact(t.trace_id) AS traces,
    uniqExactIf(t.trace_id, t.inherited_spans > 0) AS traces_with_inherited_spans,
    sum(t.inherited_spans) AS inherited_spans, sum(t.duplicate_spans) AS duplicate_spans,
    sum(t.unpriced_turns) AS unpriced_turns, countIf(t.unpriced_usage) AS traces_with_unpriced_usage,
    sum(t.turns) AS turns
FROM session_traces AS t FINAL
WHERE t.project_id = {project:String}
  AND t.spans > 0
  AND t.ended_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
  AND t.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
