-- Whether the tables are there: no rows, and no project.
SELECT 1 AS ready FROM sessions, session_traces, spans LIMIT 0
