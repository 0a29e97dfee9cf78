-- How far the rollups are behind: what is queued, and since when. Of all projects: the queue is one.
SELECT count() AS queued_changes,
       if(count() = 0, 0, greatest(0, date_diff('millisecond', min(stamp), now64(6)))) / 1000 AS lag_seconds
FROM
(
    SELECT stamp, id FROM trace_queue GROUP BY stamp, id HAVING sum(sign) > 0
    UNION ALL
    SELECT stamp, id FROM session_queue GROUP BY stamp, id HAVING sum(sign) > 0
)
