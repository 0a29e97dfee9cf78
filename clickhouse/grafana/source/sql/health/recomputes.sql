SELECT $__timeInterval(recomputed_at) AS time, quantile(0.5)(waited_ms) AS p50,
       quantile(0.99)(waited_ms) AS p99, max(waited_ms) AS max
FROM v_recomputes
WHERE recomputed_at >= $__fromTime AND recomputed_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
GROUP BY time
ORDER BY time
