-- How much there is to page through in a session.
SELECT count() AS traces, sum(length(t.calls.span_id)) AS calls, sum(t.turns) AS turns
FROM session_traces AS t FINAL
WHERE t.project_id = {project:String}
  AND t.session_id = {session_id:String}
  AND t.spans > 0
