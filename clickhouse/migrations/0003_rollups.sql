-- What is queued, and what it adds up to. See clickhouse/rollup/ for who writes here and why it is exact.

-- A change is a row with an id of its own; a recompute writes the same row with sign -1. Pending is what does not cancel
-- out, so no clock decides what is done, and merges take the finished pairs away.
CREATE TABLE IF NOT EXISTS trace_queue
(
    stamp      DateTime64(6, 'UTC') CODEC(ZSTD(1)),
    id         UUID,
    project_id LowCardinality(String),
    trace_id   String CODEC(ZSTD(1)),
    sign       Int8
)
ENGINE = CollapsingMergeTree(sign)
PARTITION BY toDate(stamp)
ORDER BY (stamp, id);

CREATE TABLE IF NOT EXISTS session_queue
(
    stamp      DateTime64(6, 'UTC') CODEC(ZSTD(1)),
    id         UUID,
    project_id LowCardinality(String),
    session_id String CODEC(ZSTD(1)),
    sign       Int8
)
ENGINE = CollapsingMergeTree(sign)
PARTITION BY toDate(stamp)
ORDER BY (stamp, id);

-- The greatest stamp of each queue that a worker has read: it must outlive the rows that carried it.
CREATE TABLE IF NOT EXISTS queue_stamps
(
    queue LowCardinality(String),
    stamp SimpleAggregateFunction(max, DateTime64(6, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY queue;

-- The doors of the queues. A stamp is taken here, by the database, after the change is visible: greater than now and
-- than every stamp issued, whatever the clock does. By a millisecond, so that readings of one stamp can be told apart.
-- shard by cityHash64(project_id, trace_id)
CREATE TABLE IF NOT EXISTS trace_changes (project_id LowCardinality(String), trace_id String) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_changes_mv TO trace_queue AS
SELECT greatest(now64(6, 'UTC'), (
           SELECT max(issued) FROM (
               SELECT max(stamp) AS issued FROM trace_queue
               UNION ALL SELECT max(stamp) FROM queue_stamps WHERE queue = 'trace')) + toIntervalMillisecond(1)) AS stamp,
       generateUUIDv4() AS id, project_id, trace_id, toInt8(1) AS sign
FROM trace_changes;

-- shard by cityHash64(project_id, session_id)
CREATE TABLE IF NOT EXISTS session_changes (project_id LowCardinality(String), session_id String) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS session_changes_mv TO session_queue AS
SELECT greatest(now64(6, 'UTC'), (
           SELECT max(issued) FROM (
               SELECT max(stamp) AS issued FROM session_queue
               UNION ALL SELECT max(stamp) FROM queue_stamps WHERE queue = 'session')) + toIntervalMillisecond(1)) AS stamp,
       generateUUIDv4() AS id, project_id, session_id, toInt8(1) AS sign
FROM session_changes;

-- One trace's part of one session, replaced whole; zero spans where nothing belongs any more. The row of the empty
-- session id is the trace's own: the mark of its last recompute, and all of it where it has no session.
-- shard by cityHash64(project_id, trace_id)
CREATE TABLE IF NOT EXISTS session_traces
(
    project_id         LowCardinality(String) CODEC(ZSTD(1)),
    session_id         String CODEC(ZSTD(1)),
    trace_id           String CODEC(ZSTD(1)),
    version            DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    recomputed_at      DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    fingerprint        UInt64 CODEC(ZSTD(1)),  -- of the rows it was computed from; in the trace's own row
    name               LowCardinality(String) CODEC(ZSTD(1)),
    started_at         DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ended_at           DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    spans              UInt64 CODEC(T64, ZSTD(1)),
    inherited_spans    UInt64 CODEC(T64, ZSTD(1)),
    duplicate_spans    UInt64 CODEC(T64, ZSTD(1)),
    turns              UInt64 CODEC(T64, ZSTD(1)),
    tool_calls         UInt64 CODEC(T64, ZSTD(1)),
    embeddings         UInt64 CODEC(T64, ZSTD(1)),
    input_tokens       UInt64 CODEC(T64, ZSTD(1)),
    output_tokens      UInt64 CODEC(T64, ZSTD(1)),
    cache_read_tokens  UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens   UInt64 CODEC(T64, ZSTD(1)),
    cost_usd           Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    unpriced_turns     UInt64 CODEC(T64, ZSTD(1)),
    unpriced_usage     Bool CODEC(ZSTD(1)),
    errors             UInt64 CODEC(T64, ZSTD(1)),
    failed             Bool CODEC(ZSTD(1)),
    user_id            String CODEC(ZSTD(1)),
    user_since         DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    user_ids           Array(String) CODEC(ZSTD(1)),
    session_keys       Array(LowCardinality(String)) CODEC(ZSTD(1)),
    models             Array(LowCardinality(String)) CODEC(ZSTD(1)),
    requested_models   Array(LowCardinality(String)) CODEC(ZSTD(1)),
    services           Array(LowCardinality(String)) CODEC(ZSTD(1)),
    environments       Array(LowCardinality(String)) CODEC(ZSTD(1)),
    tags               Array(LowCardinality(String)) CODEC(ZSTD(1)),
    tools              Array(LowCardinality(String)) CODEC(ZSTD(1)),
    agents             Array(LowCardinality(String)) CODEC(ZSTD(1)),
    releases           Array(LowCardinality(String)) CODEC(ZSTD(1)),
    prompts            Array(LowCardinality(String)) CODEC(ZSTD(1)),
    metadata           Array(Tuple(key String, value String)) CODEC(ZSTD(1)),
    input_preview      String CODEC(ZSTD(1)),
    output_preview     String CODEC(ZSTD(1)),
    calls              Nested(
                           span_id String, kind LowCardinality(String), name LowCardinality(String),
                           provider LowCardinality(String), request_model LowCardinality(String),
                           response_model LowCardinality(String), service LowCardinality(String), user_id String,
                           started_at DateTime64(9, 'UTC'), duration_ns UInt64, first_token_ns Nullable(UInt64),
                           input_tokens Nullable(UInt64), output_tokens Nullable(UInt64),
                           cache_read_tokens Nullable(UInt64), cache_write_tokens Nullable(UInt64),
                           reasoning_tokens Nullable(UInt64), cost_usd Nullable(Decimal(18, 12)),
                           cost_source LowCardinality(String), failed Bool, error_type LowCardinality(String),
                           finish_reasons Array(LowCardinality(String)), tool_name LowCardinality(String),
                           members Array(String)) CODEC(ZSTD(1)),  -- the span ids of a merged call, outermost first
    scores             Array(Tuple(name String, value Nullable(Float64), label String)) CODEC(ZSTD(1)),
    -- all that the session adds up, once more as one JSON array (clickhouse/rollup/part.py): a recompute of
    -- sessions at random reads seven columns instead of forty-five
    part               String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, session_id, trace_id)
-- a session's traces are read by session: small granules, and rows may be large. Measured, 1,000 sessions at random
-- recomputed: granules of 256 rows in blocks of 64 kB 310 ms of CPU, these 190; sums over all calls cost the same
SETTINGS index_granularity = 64, min_compress_block_size = 16384, max_compress_block_size = 65536;

-- shard by cityHash64(project_id, session_id)
CREATE TABLE IF NOT EXISTS sessions
(
    project_id         LowCardinality(String) CODEC(ZSTD(1)),
    session_id         String CODEC(ZSTD(1)),
    version            DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    recomputed_at      DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    user_id            String CODEC(ZSTD(1)),
    user_ids           Array(String) CODEC(ZSTD(1)),
    started_at         DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    last_active_at     DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    duration_ns        UInt64 CODEC(T64, ZSTD(1)),
    active_ns          UInt64 CODEC(T64, ZSTD(1)),
    traces             UInt64 CODEC(T64, ZSTD(1)),
    spans              UInt64 CODEC(T64, ZSTD(1)),
    inherited_spans    UInt64 CODEC(T64, ZSTD(1)),
    duplicate_spans    UInt64 CODEC(T64, ZSTD(1)),
    turns              UInt64 CODEC(T64, ZSTD(1)),
    tool_calls         UInt64 CODEC(T64, ZSTD(1)),
    embeddings         UInt64 CODEC(T64, ZSTD(1)),
    input_tokens       UInt64 CODEC(T64, ZSTD(1)),
    output_tokens      UInt64 CODEC(T64, ZSTD(1)),
    total_tokens       UInt64 CODEC(T64, ZSTD(1)),
    cache_read_tokens  UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens   UInt64 CODEC(T64, ZSTD(1)),
    cost_usd           Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    unpriced_turns     UInt64 CODEC(T64, ZSTD(1)),
    unpriced_usage     Bool CODEC(ZSTD(1)),
    errors             UInt64 CODEC(T64, ZSTD(1)),
    error_traces       UInt64 CODEC(T64, ZSTD(1)),
    avg_turn_ns        Nullable(Float64) CODEC(ZSTD(1)),
    p95_turn_ns        Nullable(Float64) CODEC(ZSTD(1)),
    avg_trace_ns       Nullable(Float64) CODEC(ZSTD(1)),
    first_token_ns     Nullable(Float64) CODEC(ZSTD(1)),
    session_keys       Array(LowCardinality(String)) CODEC(ZSTD(1)),
    models             Array(LowCardinality(String)) CODEC(ZSTD(1)),
    requested_models   Array(LowCardinality(String)) CODEC(ZSTD(1)),
    services           Array(LowCardinality(String)) CODEC(ZSTD(1)),
    environments       Array(LowCardinality(String)) CODEC(ZSTD(1)),
    tags               Array(LowCardinality(String)) CODEC(ZSTD(1)),
    tools              Array(LowCardinality(String)) CODEC(ZSTD(1)),
    agents             Array(LowCardinality(String)) CODEC(ZSTD(1)),
    releases           Array(LowCardinality(String)) CODEC(ZSTD(1)),
    prompts            Array(LowCardinality(String)) CODEC(ZSTD(1)),
    metadata           Array(Tuple(key String, value String)) CODEC(ZSTD(1)),
    scores             Array(Tuple(name String, value Nullable(Float64), label String, count UInt64)) CODEC(ZSTD(1)),
    input_preview      String CODEC(ZSTD(1)),
    output_preview     String CODEC(ZSTD(1)),

    INDEX by_user user_ids TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_recomputed recomputed_at TYPE minmax GRANULARITY 1  -- live listeners ask what is new
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, session_id)
-- pages of a list are fifty rows from anywhere
SETTINGS index_granularity = 256, min_compress_block_size = 8192;

-- Evaluations and feedback, of a span, a trace or a session.
-- shard by cityHash64(project_id, trace_id)
CREATE TABLE IF NOT EXISTS scores
(
    project_id LowCardinality(String),
    trace_id   String CODEC(ZSTD(1)),    -- empty: of the session itself
    span_id    String CODEC(ZSTD(1)),    -- empty: of the trace
    session_id String CODEC(ZSTD(1)),    -- only where it is of the session itself
    score_id   String CODEC(ZSTD(1)),    -- sent twice is once
    name       LowCardinality(String),
    value      Nullable(Float64),
    label      LowCardinality(String),
    comment    String CODEC(ZSTD(1)),
    scored_at  DateTime64(9, 'UTC'),
    received_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(received_at)
ORDER BY (project_id, trace_id, session_id, span_id, score_id);

-- Traces that could not be recomputed, and why: named, not retried until they change.
CREATE TABLE IF NOT EXISTS quarantined_traces
(
    project_id LowCardinality(String),
    trace_id   String CODEC(ZSTD(1)),
    version    DateTime64(6, 'UTC'),
    reason     String CODEC(ZSTD(1))     -- empty: recomputed since
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, trace_id);
