-- Log records that tell of calls: joined to their spans when a trace is recomputed, and standing for those that never come.

-- shard by cityHash64(project_id, trace_id)
CREATE TABLE IF NOT EXISTS log_calls
(
    project_id          LowCardinality(String) CODEC(ZSTD(1)),
    trace_id            String CODEC(ZSTD(1)),
    span_id             String CODEC(ZSTD(1)),                -- the span it names; may be empty, or never come
    record_id           String CODEC(ZSTD(1)),                -- of what was sent, so that sent twice is once
    says                LowCardinality(String) CODEC(ZSTD(1)),  -- call: all of it; part; around: span_id is around the call
    event               LowCardinality(String) CODEC(ZSTD(1)),
    position            UInt32 CODEC(T64, ZSTD(1)),           -- in its request: order among records of one time
    started_at          DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ended_at            DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    service             LowCardinality(String) CODEC(ZSTD(1)),
    scope_name          LowCardinality(String) CODEC(ZSTD(1)),
    environment         LowCardinality(String) CODEC(ZSTD(1)),
    release             LowCardinality(String) CODEC(ZSTD(1)),

    -- as in spans
    session_id          String CODEC(ZSTD(1)),
    conversation_id     String CODEC(ZSTD(1)),
    resource_session_id String CODEC(ZSTD(1)),
    default_session_id  String CODEC(ZSTD(1)),
    session_key         LowCardinality(String) CODEC(ZSTD(1)),
    user_id             String CODEC(ZSTD(1)),
    resource_user_id    String CODEC(ZSTD(1)),
    default_user_id     String CODEC(ZSTD(1)),
    call_kind           LowCardinality(String) CODEC(ZSTD(1)),
    dialect             LowCardinality(String) CODEC(ZSTD(1)),
    operation           LowCardinality(String) CODEC(ZSTD(1)),
    provider            LowCardinality(String) CODEC(ZSTD(1)),
    request_model       LowCardinality(String) CODEC(ZSTD(1)),
    response_model      LowCardinality(String) CODEC(ZSTD(1)),
    response_id         String CODEC(ZSTD(1)),
    input_tokens        Nullable(UInt64) CODEC(T64, ZSTD(1)),
    output_tokens       Nullable(UInt64) CODEC(T64, ZSTD(1)),
    cache_read_tokens   Nullable(UInt64) CODEC(T64, ZSTD(1)),
    cache_write_tokens  Nullable(UInt64) CODEC(T64, ZSTD(1)),
    reasoning_tokens    Nullable(UInt64) CODEC(T64, ZSTD(1)),
    cost_usd            Nullable(Decimal(18, 12)) CODEC(ZSTD(1)),
    cost_source         LowCardinality(String) CODEC(ZSTD(1)),
    price_source        LowCardinality(String) CODEC(ZSTD(1)),
    first_token_ns      Nullable(UInt64) CODEC(T64, ZSTD(1)),
    finish_reasons      Array(LowCardinality(String)) CODEC(ZSTD(1)),
    failed              Bool CODEC(ZSTD(1)),
    error_type          LowCardinality(String) CODEC(ZSTD(1)),
    error_message       String CODEC(ZSTD(1)),
    tool_name           LowCardinality(String) CODEC(ZSTD(1)),
    tool_call_id        String CODEC(ZSTD(1)),
    agent_name          LowCardinality(String) CODEC(ZSTD(1)),
    prompt_name         LowCardinality(String) CODEC(ZSTD(1)),
    tags                Array(LowCardinality(String)) CODEC(ZSTD(1)),
    metadata            Map(LowCardinality(String), String) CODEC(ZSTD(1)),

    -- content: what was said, until content_until (1970 is never)
    input_messages      String CODEC(ZSTD(1)),
    output_messages     String CODEC(ZSTD(1)),
    system_instructions String CODEC(ZSTD(1)),
    tool_definitions    String CODEC(ZSTD(1)),
    tool_arguments      String CODEC(ZSTD(1)),
    tool_result         String CODEC(ZSTD(1)),
    input_preview       String CODEC(ZSTD(1)),
    output_preview      String CODEC(ZSTD(1)),
    content_until       DateTime('UTC') CODEC(ZSTD(1)),

    retention_days      UInt16 CODEC(T64, ZSTD(1)),           -- 0 is for ever
    received_at         DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    stored_at           DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),

    INDEX by_stored stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(received_at)
PARTITION BY toMonday(started_at)
PRIMARY KEY (project_id, toStartOfHour(started_at), trace_id)
ORDER BY (project_id, toStartOfHour(started_at), trace_id, span_id, record_id, started_at)
SETTINGS index_granularity = 256;

CREATE MATERIALIZED VIEW IF NOT EXISTS log_trace_index_mv TO trace_index AS
SELECT project_id, trace_id, groupUniqArray(toStartOfHour(l.started_at)) AS hours, min(l.started_at) AS started_at,
       max(l.ended_at) AS ended_at, max(if(l.retention_days = 0, 65535, l.retention_days)) AS retention_days
FROM log_calls AS l
GROUP BY project_id, trace_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS log_trace_sessions_mv TO trace_sessions AS
SELECT DISTINCT project_id, trace_id,
       arrayJoin(arrayFilter(id -> id != '', [l.session_id, conversation_id, resource_session_id, default_session_id])) AS session_id
FROM log_calls AS l;
