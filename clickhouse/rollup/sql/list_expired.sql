-- List the rows of traces whose project's retention is over. `retention` is what the projects' settings say today; where
-- they say nothing, what they said when the spans came. 0 and 65535 are for ever.
INSERT INTO dead_spans (removal, project_id, trace_id, span_id, hour)
SELECT DISTINCT {removal:UUID}, project_id, trace_id, span_id, toStartOfHour(started_at)
FROM span_facts
WHERE (project_id, toStartOfHour(started_at), trace_id) IN
(
    SELECT project_id, arrayJoin(hours), trace_id
    FROM
    (
        SELECT project_id, trace_id, groupUniqArrayArray(i.hours) AS hours, max(i.ended_at) AS ended,
               if(mapContains({retention:Map(String, UInt16)}, project_id),
                  {retention:Map(String, UInt16)}[project_id], max(i.retention_days)) AS days
        FROM trace_index AS i
        GROUP BY project_id, trace_id
        HAVING days NOT IN (0, 65535) AND ended < now64(9) - toIntervalDay(days)
        LIMIT {most:UInt32}
    )
)
