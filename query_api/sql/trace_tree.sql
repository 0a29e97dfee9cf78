-- Who is whose child in a trace.
SELECT span_id, parent_span_id
FROM span_facts
WHERE (project_id, toStartOfHour(started_at), trace_id) IN (
    SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
    WHERE project_id = {project:String} AND trace_id = {trace_id:String})
ORDER BY version DESC
LIMIT 1 BY span_id
