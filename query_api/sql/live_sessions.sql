-- What a live feed tells of these sessions; without spans one is gone.
SELECT s.session_id AS session_id, s.spans AS spans, s.last_active_at AS last_active_at, s.turns AS turns,
       s.cost_usd AS cost_usd, s.total_tokens AS total_tokens, if(s.error_traces > 0, 'error', 'ok') AS status
FROM sessions AS s FINAL
WHERE s.project_id = {project:String}
  AND s.session_id IN (SELECT session_id FROM chosen)
