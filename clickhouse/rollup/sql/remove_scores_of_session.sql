DELETE FROM scores WHERE project_id = {project:String} AND session_id = {subject:String}
