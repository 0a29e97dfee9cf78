-- The hours that have calls whose price is ours to say, whether spans or log records tell of them.
SELECT DISTINCT project_id, toUnixTimestamp(toStartOfHour(started_at)) AS hour
FROM
(
    SELECT project_id, started_at, cost_source FROM {everywhere:Identifier}.spans
    UNION ALL
    SELECT project_id, started_at, cost_source FROM {everywhere:Identifier}.log_calls
)
WHERE cost_source IN ('computed', 'unpriced') AND started_at >= fromUnixTimestamp64Nano({since_ns:Int64}, 'UTC')
  AND ({project:String} = '' OR project_id = {project:String})
ORDER BY project_id, hour
