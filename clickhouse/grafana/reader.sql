-- A reader of the documented views, and of no project but its own, on a ClickHouse server. To be run by an
-- administrator: `genai-sessions grafana --sql --user NAME --project ID` prints it with everything filled in.
CREATE USER OR REPLACE $user$on_cluster
IDENTIFIED WITH sha256_hash BY '$sha256'
SETTINGS readonly = 2, max_execution_time = 60;

GRANT$on_cluster SELECT ON $database.v_sessions TO $user;
GRANT$on_cluster SELECT ON $database.v_traces TO $user;
GRANT$on_cluster SELECT ON $database.v_calls TO $user;
GRANT$on_cluster SELECT ON $database.v_users TO $user;
GRANT$on_cluster SELECT ON $database.v_arrivals TO $user;
GRANT$on_cluster SELECT ON $database.v_recomputes TO $user;
GRANT$on_cluster SELECT ON $database.v_health TO $user;
GRANT$on_cluster SELECT ON $database.otel_traces TO $user;
GRANT$on_cluster SELECT ON $database.otel_traces_trace_id_ts TO $user;

CREATE ROW POLICY OR REPLACE of_$user$on_cluster
ON $database.v_sessions, $database.v_traces, $database.v_calls, $database.v_users, $database.v_arrivals,
   $database.v_recomputes, $database.v_health
FOR SELECT USING $projects TO $user;

CREATE ROW POLICY OR REPLACE of_$user$on_cluster
ON $database.otel_traces, $database.otel_traces_trace_id_ts
FOR SELECT USING $otel_projects TO $user;
