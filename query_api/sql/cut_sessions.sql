-- Of the chosen sessions those that a range cuts within a half hour: they go on before it and in the half hour in which
-- it begins, or after it and in the one in which it ends. Their calls there are looked at one by one; of others, what
-- they come to in whole half hours is all.
SELECT h.session_id AS session_id, any(h.duration_ns) AS duration_ns,
       max(h.started_at < fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')) AS before,
       max(h.last_active_at >= fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')) AS after
FROM half_hours AS h FINAL
WHERE h.project_id = {project:String}
  AND h.since IN (toDateTime64(fromUnixTimestamp64Nano({cut_from_ns:Int64}, 'UTC'), 0),
                  toDateTime64(fromUnixTimestamp64Nano({whole_to_ns:Int64}, 'UTC'), 0))
  AND notEmpty(h.sums.of)
  AND h.last_active_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
  AND h.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
  AND (h.started_at < fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
       AND h.since = toDateTime64(fromUnixTimestamp64Nano({cut_from_ns:Int64}, 'UTC'), 0)
       OR h.last_active_at >= fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
       AND h.since = toDateTime64(fromUnixTimestamp64Nano({whole_to_ns:Int64}, 'UTC'), 0))
  AND ({everything:Bool} OR h.session_id IN (SELECT session_id FROM chosen))
GROUP BY session_id
