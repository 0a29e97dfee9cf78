-- The traces in which a user has a part.
SELECT DISTINCT t.trace_id AS trace_id
FROM session_traces AS t FINAL
WHERE t.project_id = {project:String}
  AND t.spans > 0
  AND has(t.user_ids, {user_id:String})
ORDER BY trace_id
