SELECT uniqExact(trace_id, span_id), uniqExact(trace_id)
FROM {everywhere:Identifier}.span_facts
WHERE project_id = {project:String} AND started_at < fromUnixTimestamp64Nano({deleted_ns:Int64}, 'UTC')
