-- What is queued and not done, oldest or newest first. One statement: its greatest stamp is the version of all that is read after it.
SELECT project_id, trace_id, groupArray(stamp_us) AS stamps, groupArray(id) AS ids
FROM
(
    SELECT toUnixTimestamp64Micro(stamp) AS stamp_us, id, any(project_id) AS project_id, any(trace_id) AS trace_id
    FROM trace_queue
    GROUP BY stamp, id
    HAVING sum(sign) > 0
)
GROUP BY project_id, trace_id
ORDER BY if({newest:Bool}, -max(stamp_us), min(stamp_us))
LIMIT {most:UInt32}
