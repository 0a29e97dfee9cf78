-- Late spans of what had been deleted.
SELECT sum(spans) AS suppressed_spans FROM suppressed_spans WHERE project_id = {project:String}
