-- Sessions at random, for questions that name one.
SELECT session_id FROM sessions WHERE project_id = 'bench' ORDER BY cityHash64(session_id) LIMIT 500
