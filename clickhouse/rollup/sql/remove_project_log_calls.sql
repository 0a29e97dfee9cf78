DELETE FROM log_calls WHERE project_id = {project:String} AND started_at < fromUnixTimestamp64Nano({deleted_ns:Int64}, 'UTC')
