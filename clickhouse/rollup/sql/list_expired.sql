-- List the rows of traces whose project's retention is over. `projects` and `days` are what settings say today; where
-- they say nothing, what they said when the spans came. 0 and 65535 are for ever.
INSERT INTO dead_spans (removal, project_id, trace_id, span_id, hour)
SELECT DISTINCT {removal:UUID}, project_id, trace_id, span_id, hour
FROM
(
    SELECT project_id, trace_id, span_id, toStartOfHour(started_at) AS hour FROM span_facts
    UNION ALL
    SELECT project_id, trace_id, record_id, toStartOfHour(started_at) FROM log_calls
)
WHERE (project_id, hour, trace_id) IN
(
    SELECT project_id, arrayJoin(hours), trace_id
    FROM
    (
        SELECT project_id, trace_id, groupUniqArrayArray(i.hours) AS hours, max(i.ended_at) AS ended,
               if(has({projects:Array(String)}, project_id),
                  {days:Array(UInt16)}[indexOf({projects:Array(String)}, project_id)], max(i.retention_days)) AS kept_days
        FROM trace_index AS i
        -- what is empty already only waits to be forgotten
        WHERE (project_id, trace_id) NOT IN
            (SELECT project_id, trace_id FROM session_traces FINAL WHERE session_id = '' AND fingerprint = 0)
        GROUP BY project_id, trace_id
        HAVING kept_days NOT IN (0, 65535) AND ended < now64(9) - toIntervalDay(kept_days)
        LIMIT {most:UInt32}
    )
)
