-- Traces of a project that could not be recomputed, and why.
SELECT q.trace_id AS trace_id, q.reason AS reason, q.version AS since
FROM quarantined_traces AS q FINAL
WHERE q.project_id = {project:String}
  AND q.reason != ''
ORDER BY since DESC, trace_id
LIMIT 100
