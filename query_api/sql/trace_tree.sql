-- Who is whose child in a trace, in the order of time; a log record is a child of the span it names.
SELECT span_id, parent_span_id
FROM
(
    SELECT span_id, parent_span_id, started_at
    FROM spans
    WHERE (project_id, toStartOfHour(started_at), trace_id) IN (
        SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
        WHERE project_id = {project:String} AND trace_id = {trace_id:String})
    ORDER BY version DESC
    LIMIT 1 BY span_id
    UNION ALL
    SELECT record_id, span_id, started_at
    FROM log_calls
    WHERE (project_id, toStartOfHour(started_at), trace_id) IN (
        SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
        WHERE project_id = {project:String} AND trace_id = {trace_id:String})
)
ORDER BY started_at, span_id
