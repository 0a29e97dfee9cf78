INSERT INTO {everywhere:Identifier}.trace_changes (project_id, trace_id) SELECT DISTINCT project_id, trace_id FROM {everywhere:Identifier}.trace_index WHERE project_id = {project:String}
