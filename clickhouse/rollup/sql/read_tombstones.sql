-- All deletions of the projects in a slice.
SELECT project_id, kind, subject, toUnixTimestamp64Nano(deleted_at) AS deleted_ns
FROM {everywhere:Identifier}.tombstones FINAL
WHERE project_id IN (SELECT project_id FROM slice)
