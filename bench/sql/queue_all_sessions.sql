INSERT INTO session_changes (project_id, session_id) SELECT DISTINCT project_id, session_id FROM session_traces WHERE session_id != ''
