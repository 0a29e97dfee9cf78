SELECT uniqExact(trace_id, span_id), uniqExact(trace_id)
FROM span_facts
WHERE project_id = {project:String} AND started_at < fromUnixTimestamp64Nano({deleted_ns:Int64}, 'UTC')
