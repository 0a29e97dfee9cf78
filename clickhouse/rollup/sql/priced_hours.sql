-- The hours that have calls whose price is ours to say.
SELECT DISTINCT project_id, toUnixTimestamp(toStartOfHour(started_at)) AS hour
FROM {everywhere:Identifier}.spans
WHERE cost_source IN ('computed', 'unpriced') AND started_at >= fromUnixTimestamp64Nano({since_ns:Int64}, 'UTC')
  AND ({project:String} = '' OR project_id = {project:String})
ORDER BY project_id, hour
