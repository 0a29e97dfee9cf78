-- What had to be repaired, cut or rejected in the spans received, by how many of them.
SELECT arrayJoin(x.flaws) AS flaw, count() AS spans
FROM spans AS x FINAL
WHERE x.project_id = {project:String}
  AND x.started_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
  AND x.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
  AND notEmpty(x.flaws)
GROUP BY flaw
ORDER BY spans DESC, flaw
LIMIT 100
