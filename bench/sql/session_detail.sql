SELECT * FROM session_traces FINAL WHERE project_id = 'bench' AND session_id = {session:String} ORDER BY started_at, trace_id
