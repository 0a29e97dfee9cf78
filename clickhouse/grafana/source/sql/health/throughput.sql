SELECT $__timeInterval(stored_at) AS time, service, count() / $__interval_s AS `spans per second`
FROM v_arrivals
WHERE stored_at >= $__fromTime AND stored_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(service IN (${service:singlequote}), $service)
GROUP BY time, service
ORDER BY time, service
