-- Which dialects the calls of a project were told in, by how many spans.
SELECT x.dialect AS dialect, count() AS spans
FROM spans AS x FINAL
WHERE x.project_id = {project:String}
  AND x.started_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
  AND x.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
  AND x.dialect != ''
GROUP BY dialect
ORDER BY spans DESC, dialect
LIMIT 100
