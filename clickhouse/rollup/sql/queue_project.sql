INSERT INTO trace_changes (project_id, trace_id) SELECT DISTINCT project_id, trace_id FROM trace_index WHERE project_id = {project:String}
