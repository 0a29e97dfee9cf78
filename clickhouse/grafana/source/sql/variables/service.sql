SELECT DISTINCT arrayJoin(services) AS service
FROM v_sessions
WHERE last_active_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
ORDER BY service
LIMIT 1000
