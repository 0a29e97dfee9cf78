SELECT project_id, kind, subject, toUnixTimestamp64Nano(deleted_at)
FROM {database:Identifier}.tombstones FINAL
ORDER BY ALL
