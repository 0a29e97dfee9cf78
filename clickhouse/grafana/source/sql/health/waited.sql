SELECT $__timeInterval(stored_at) AS time, quantile(0.5)(waited_ms) AS p50,
       quantile(0.99)(waited_ms) AS p99, max(waited_ms) AS max
FROM v_arrivals
WHERE stored_at >= $__fromTime AND stored_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(service IN (${service:singlequote}), $service)
GROUP BY time
ORDER BY time
