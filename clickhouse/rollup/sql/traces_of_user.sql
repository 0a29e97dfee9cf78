-- From the spans and records themselves: a rollup may not know the trace yet.
SELECT DISTINCT trace_id
FROM
(
    SELECT trace_id FROM {everywhere:Identifier}.spans
    WHERE project_id = {project:String} AND {subject:String} IN (user_id, resource_user_id, default_user_id)
    UNION ALL
    SELECT trace_id FROM {everywhere:Identifier}.log_calls
    WHERE project_id = {project:String} AND {subject:String} IN (user_id, resource_user_id, default_user_id)
)
