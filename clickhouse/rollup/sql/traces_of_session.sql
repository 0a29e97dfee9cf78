SELECT DISTINCT trace_id FROM {everywhere:Identifier}.trace_sessions WHERE project_id = {project:String} AND session_id = {subject:String}
