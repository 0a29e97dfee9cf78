-- Sessions that were recomputed since a moment: at which version, and when. By index: what is new lies in few granules.
SELECT s.session_id AS session_id, toUnixTimestamp64Micro(max(s.version)) AS version,
       toUnixTimestamp64Micro(max(s.recomputed_at)) AS position
FROM sessions AS s
WHERE s.project_id = {project:String}
  AND s.recomputed_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
GROUP BY s.session_id
ORDER BY position, session_id
LIMIT {limit:UInt32}
