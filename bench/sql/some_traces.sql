SELECT DISTINCT trace_id FROM trace_index WHERE project_id = 'bench' ORDER BY cityHash64(trace_id) LIMIT {most:UInt32}
