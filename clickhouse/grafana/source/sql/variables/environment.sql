SELECT DISTINCT arrayJoin(environments) AS environment
FROM v_sessions
WHERE last_active_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
ORDER BY environment
LIMIT 1000
