SELECT toUnixTimestamp64Micro(greatest((SELECT max(stored_at) FROM spans), (SELECT max(stored_at) FROM log_calls)))
