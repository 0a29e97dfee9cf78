-- How far the rollups are behind: what is queued, since when; and what was set aside.
SELECT
    (SELECT count() FROM (SELECT stamp, id FROM trace_queue GROUP BY stamp, id HAVING sum(sign) > 0)) AS queued_trace_changes,
    (SELECT count() FROM (SELECT stamp, id FROM session_queue GROUP BY stamp, id HAVING sum(sign) > 0)) AS queued_session_changes,
    (SELECT if(count() = 0, 0, greatest(0, date_diff('millisecond', min(stamp), now64(6)))) / 1000
     FROM (SELECT stamp, id FROM trace_queue GROUP BY stamp, id HAVING sum(sign) > 0
           UNION ALL SELECT stamp, id FROM session_queue GROUP BY stamp, id HAVING sum(sign) > 0)) AS lag_seconds,
    (SELECT count() FROM quarantined_traces FINAL WHERE reason != '') AS quarantined_traces
