SELECT DISTINCT project_id
FROM v_sessions
ORDER BY project_id
LIMIT 1000
