-- The scores of sessions_of_dead_scores.sql.
DELETE FROM scores
WHERE (project_id, trace_id, session_id, span_id, score_id, received_at) IN
(
    SELECT project_id, trace_id, session_id, span_id, score_id, received_at
    FROM
    (
        SELECT project_id, trace_id, session_id, span_id, score_id, received_at,
               arrayJoin([('session', SHA256(session_id)), ('project', SHA256(''))]) AS owner
        FROM scores
        WHERE project_id IN (SELECT project_id FROM {everywhere:Identifier}.tombstones WHERE kind = 'session') AND trace_id = ''
           OR project_id IN (SELECT project_id FROM {everywhere:Identifier}.tombstones WHERE kind = 'project')
    ) AS s
    INNER JOIN {everywhere:Identifier}.tombstones AS t
        ON t.project_id = s.project_id AND t.kind = s.owner.1 AND t.subject = s.owner.2
    WHERE received_at < deleted_at
)
