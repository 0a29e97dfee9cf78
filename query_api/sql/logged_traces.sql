-- Which of these traces log records tell of.
SELECT DISTINCT trace_id
FROM log_calls
WHERE (project_id, toStartOfHour(started_at), trace_id) IN (
    SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
    WHERE project_id = {project:String} AND trace_id IN {trace_ids:Array(String)})
