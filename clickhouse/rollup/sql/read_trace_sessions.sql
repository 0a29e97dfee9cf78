-- Every session id these traces were ever received with.
SELECT project_id, trace_id, groupUniqArray(session_id) AS sessions
FROM {home:Identifier}.trace_sessions
WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM slice)
GROUP BY project_id, trace_id
