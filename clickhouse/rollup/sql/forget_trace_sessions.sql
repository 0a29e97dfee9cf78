DELETE FROM trace_sessions
WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM dead_spans WHERE removal = {removal:UUID})
  AND (project_id, trace_id) NOT IN (SELECT project_id, trace_id FROM span_facts
                                     WHERE stored_at > now64(6) - toIntervalSecond({after_seconds:UInt32}))
  AND (project_id, trace_id) NOT IN (SELECT project_id, trace_id FROM log_calls
                                     WHERE stored_at > now64(6) - toIntervalSecond({after_seconds:UInt32}))
