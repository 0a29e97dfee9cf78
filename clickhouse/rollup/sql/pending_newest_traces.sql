-- As pending_traces.sql, the newest first.
SELECT project_id, trace_id, groupArray(stamp_us) AS stamps, groupArray(id) AS ids
FROM
(
    SELECT toUnixTimestamp64Micro(stamp) AS stamp_us, id, any(project_id) AS project_id, any(trace_id) AS trace_id
    FROM trace_queue
    GROUP BY stamp, id
    HAVING sum(sign) > 0
)
GROUP BY project_id, trace_id
ORDER BY max(stamp_us) DESC
LIMIT {most:UInt32}
