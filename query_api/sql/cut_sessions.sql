-- Of the chosen sessions those that a range cuts within a half hour: they go on before it and in the half hour in which
-- it begins, or after it and in the one in which it ends. Their calls there are looked at one by one; of others, what
-- their rows say of whole half hours is all.
SELECT s.session_id AS session_id, s.duration_ns AS duration_ns,
       s.started_at < fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AS before,
       s.last_active_at >= fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC') AS after
FROM sessions AS s FINAL
WHERE s.project_id = {project:String}
  AND s.spans > 0
  AND s.last_active_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
  AND s.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
  AND (before AND has(s.sums.since, toDateTime64(fromUnixTimestamp64Nano({cut_from_ns:Int64}, 'UTC'), 0))
       OR after AND has(s.sums.since, toDateTime64(fromUnixTimestamp64Nano({whole_to_ns:Int64}, 'UTC'), 0)))
  AND ({everything:Bool} OR s.session_id IN (SELECT session_id FROM chosen))
