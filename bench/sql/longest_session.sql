-- As Grafana's user may ask.
SELECT project_id, any(session_id), any(trace_id)
FROM v_traces
WHERE session_id IN (SELECT session_id FROM v_sessions ORDER BY traces DESC LIMIT 1)
GROUP BY project_id
