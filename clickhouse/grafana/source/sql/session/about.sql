SELECT session_id AS session, user_id AS user, project_id AS project, started_at AS started,
       last_active_at AS `last active`, services, models, environments, releases, tags, status,
       input_preview AS `first input`, output_preview AS `last output`
FROM v_sessions
WHERE project_id = ${project:singlequote} AND session_id = decodeURLComponent('${session:percentencode}')
