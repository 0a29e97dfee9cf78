SELECT DISTINCT trace_id FROM {everywhere:Identifier}.session_traces WHERE project_id = {project:String} AND has(user_ids, {subject:String})
