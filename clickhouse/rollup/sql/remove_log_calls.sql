DELETE FROM log_calls
WHERE (project_id, toStartOfHour(started_at), trace_id, record_id) IN
(
    SELECT project_id, hour, trace_id, span_id FROM dead_spans WHERE removal = {removal:UUID}
)
