SELECT DISTINCT arrayJoin(models) AS model
FROM v_sessions
WHERE last_active_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
ORDER BY model
LIMIT 1000
