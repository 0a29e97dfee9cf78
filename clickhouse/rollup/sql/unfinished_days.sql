-- Days of rows that were stored lately and that other tables do not know: an insert writes one part per table and week,
-- one after the other, and this one died between two of them. By day, for so they are made anew: who does may die, too.
SELECT DISTINCT day
FROM
(
    SELECT toDate(started_at) AS day
    FROM spans
    WHERE stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
      AND ((stored_at, toDate(started_at)) NOT IN
               (SELECT stored_at, toDate(started_at) FROM span_facts
                WHERE stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
           OR (project_id, trace_id, toStartOfHour(started_at)) NOT IN
               (SELECT project_id, trace_id, arrayJoin(hours) FROM trace_index WHERE (project_id, trace_id) IN
                   (SELECT project_id, trace_id FROM spans
                    WHERE stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))))
    UNION ALL
    SELECT toDate(started_at)
    FROM log_calls
    WHERE stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
      AND (project_id, trace_id, toStartOfHour(started_at)) NOT IN
          (SELECT project_id, trace_id, arrayJoin(hours) FROM trace_index WHERE (project_id, trace_id) IN
              (SELECT project_id, trace_id FROM log_calls
               WHERE stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')))
)
ORDER BY day
