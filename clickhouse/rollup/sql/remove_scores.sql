-- Scores of removed spans; and of their traces, where nothing of these is left.
DELETE FROM scores
WHERE (project_id, trace_id, span_id) IN (SELECT project_id, trace_id, span_id FROM dead_spans WHERE removal = {removal:UUID})
   OR (span_id = '' AND (project_id, trace_id) IN (SELECT project_id, trace_id FROM dead_spans WHERE removal = {removal:UUID})
       AND (project_id, trace_id) NOT IN
           (SELECT project_id, trace_id FROM span_facts
            WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM dead_spans WHERE removal = {removal:UUID})))
