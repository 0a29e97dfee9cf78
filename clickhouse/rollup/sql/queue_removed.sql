INSERT INTO trace_changes (project_id, trace_id)
SELECT DISTINCT project_id, trace_id FROM dead_spans WHERE removal = {removal:UUID}
