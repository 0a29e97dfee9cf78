-- Spans of a trace that report the same call as another, the outermost.
SELECT calls.span_id AS span_id, calls.members AS members
FROM session_traces AS t FINAL
ARRAY JOIN calls
WHERE t.project_id = {project:String}
  AND t.trace_id = {trace_id:String}
  AND (t.session_id, t.trace_id) IN (
      SELECT session_id, trace_id FROM trace_sessions
      WHERE project_id = {project:String} AND trace_id = {trace_id:String}
      UNION ALL SELECT '', {trace_id:String})
  AND t.spans > 0
  AND length(calls.members) > 1
