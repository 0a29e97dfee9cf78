DELETE FROM finished_traces
WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM dead_spans WHERE removal = {removal:UUID})
