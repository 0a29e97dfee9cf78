SELECT session_id FROM sessions FINAL WHERE project_id = 'bench' ORDER BY traces DESC LIMIT 1
