-- Sessions of a slice that cost so much that they are recomputed less often.
SELECT project_id, session_id
FROM sessions
WHERE (project_id, session_id) IN (SELECT project_id, session_id FROM slice) AND traces > {traces:UInt64}
