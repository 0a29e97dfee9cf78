-- What is queued and not done, oldest first. One statement: its greatest stamp is the version of all that is read after it.
SELECT project_id, session_id, groupArray(stamp_us) AS stamps, groupArray(id) AS ids
FROM
(
    SELECT toUnixTimestamp64Micro(stamp) AS stamp_us, id, any(project_id) AS project_id, any(session_id) AS session_id
    FROM session_queue
    GROUP BY stamp, id
    HAVING sum(sign) > 0
)
GROUP BY project_id, session_id
ORDER BY min(stamp_us)
LIMIT {each:UInt32} BY project_id
LIMIT {most:UInt32}
