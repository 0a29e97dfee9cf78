DELETE FROM scores WHERE project_id = {project:String}
