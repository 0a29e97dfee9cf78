SELECT told.1 AS measure, avg(told.2) AS mean, quantile(0.5)(told.2) AS p50, quantile(0.9)(told.2) AS p90,
       quantile(0.95)(told.2) AS p95, quantile(0.99)(told.2) AS p99, max(told.2) AS max
FROM
(
    SELECT arrayJoin([('cost, USD', toFloat64(cost_usd)), ('tokens', toFloat64(total_tokens)),
                      ('turns', toFloat64(turns)), ('traces', toFloat64(traces)),
                      ('duration, s', duration_ms / 1e3)]) AS told
    FROM v_sessions
    WHERE last_active_at >= $__fromTime AND started_at < $__toTime
      AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
      AND $__conditionalAll(hasAny(services, [${service:singlequote}]), $service)
      AND $__conditionalAll(hasAny(models, [${model:singlequote}]), $model)
      AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
)
GROUP BY measure
ORDER BY indexOf(['cost, USD', 'tokens', 'turns', 'traces', 'duration, s'], measure)
