-- Which attribute keys named the sessions of a project, by how many of them.
SELECT arrayJoin(s.session_keys) AS session_key, count() AS sessions
FROM sessions AS s FINAL
WHERE s.project_id = {project:String}
  AND s.spans > 0
  AND s.last_active_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
  AND s.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
GROUP BY session_key
ORDER BY sessions DESC, session_key
LIMIT 100
