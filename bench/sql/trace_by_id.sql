SELECT * FROM spans
WHERE (project_id, toStartOfHour(started_at), trace_id) IN
    (SELECT project_id, arrayJoin(hours), trace_id FROM trace_index WHERE project_id = 'bench' AND trace_id = {trace:String})
ORDER BY version DESC LIMIT 1 BY span_id
