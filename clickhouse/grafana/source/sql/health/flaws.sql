SELECT $__timeInterval(stored_at) AS time, arrayJoin(flaws) AS flaw, count() AS spans
FROM v_arrivals
WHERE stored_at >= $__fromTime AND stored_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(service IN (${service:singlequote}), $service)
GROUP BY time, flaw
ORDER BY time, flaw
