DELETE FROM span_facts WHERE project_id = {project:String} AND started_at < fromUnixTimestamp64Nano({deleted_ns:Int64}, 'UTC')
