-- The narrow copy that rollups read: what a trace adds up to, without what was said. A recompute reads all of it, of
-- single traces, so its forty fields (the session ids of all kinds apart) are one column: a JSON array, in the order of
-- `Fact` (clickhouse/rollup/facts.py). Measured, 1,000 traces at random: forty columns 330 ms, this 180 ms, for 8 % more disk; and
-- an insert writes ten columns, not forty.
-- shard by cityHash64(project_id, trace_id)
CREATE TABLE IF NOT EXISTS span_facts
(
    project_id     LowCardinality(String) CODEC(ZSTD(1)),
    trace_id       String CODEC(ZSTD(1)),
    span_id        String CODEC(ZSTD(1)),
    started_at     DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    facts          String CODEC(ZSTD(1)),
    input_preview  String CODEC(ZSTD(1)),
    output_preview String CODEC(ZSTD(1)),
    content_until  DateTime('UTC') CODEC(ZSTD(1)),
    stored_at      DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    version        UInt256 CODEC(ZSTD(1)),

    -- what was stored lately lies in few granules
    INDEX by_stored stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toMonday(started_at)
PRIMARY KEY (project_id, toStartOfHour(started_at), trace_id)
ORDER BY (project_id, toStartOfHour(started_at), trace_id, span_id, started_at)
-- a recompute reads single traces: the smaller the granules and what is compressed at once, the less it reads beside
-- them. Measured, 1,000 traces at random among two million rows: blocks of 64 kB 470 ms of CPU, 16 kB 330
SETTINGS index_granularity = 64, min_compress_block_size = 16384, max_compress_block_size = 65536;

CREATE MATERIALIZED VIEW IF NOT EXISTS span_facts_mv TO span_facts AS
SELECT project_id, trace_id, span_id, started_at,
       formatRowNoNewline('JSONCompactEachRow', parent_span_id, toUnixTimestamp64Nano(started_at), toUnixTimestamp64Nano(ended_at),
           name, kind, service, scope_name, environment, release, failed, session_id, conversation_id,
           resource_session_id, default_session_id, session_key, user_id, resource_user_id, default_user_id, call_kind,
           provider, request_model, response_model, response_id, input_tokens, output_tokens, cache_read_tokens,
           cache_write_tokens, reasoning_tokens, toInt64(toDecimal128(cost_usd, 12) * 1000000000000), cost_source,
           first_token_ns, finish_reasons, error_type, tool_name, agent_name, prompt_name, tags, metadata) AS facts,
       input_preview, output_preview, content_until, stored_at, version
FROM spans;

-- Where a trace's rows lie. Grows only: a superset of the hours is as good, only slower.
-- shard by cityHash64(project_id, trace_id)
CREATE TABLE IF NOT EXISTS trace_index
(
    project_id     LowCardinality(String),
    trace_id       String CODEC(ZSTD(1)),
    hours          SimpleAggregateFunction(groupUniqArrayArray, Array(DateTime('UTC'))) CODEC(ZSTD(1)),
    started_at     SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    ended_at       SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    retention_days SimpleAggregateFunction(max, UInt16) CODEC(ZSTD(1))   -- 65535 is for ever
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, trace_id)
SETTINGS index_granularity = 64, min_compress_block_size = 4096;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_index_mv TO trace_index AS
SELECT project_id, trace_id, groupUniqArray(toStartOfHour(s.started_at)) AS hours, min(s.started_at) AS started_at,
       max(s.ended_at) AS ended_at, max(if(s.retention_days = 0, 65535, s.retention_days)) AS retention_days
FROM spans AS s
GROUP BY project_id, trace_id;

-- Every session id a trace was ever received with, of all kinds. A recompute writes a row for each, so that none is
-- left behind when a binding moves on. Grows only.
-- shard by cityHash64(project_id, trace_id)
CREATE TABLE IF NOT EXISTS trace_sessions
(
    project_id LowCardinality(String),
    trace_id   String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (project_id, trace_id, session_id)
SETTINGS index_granularity = 64, min_compress_block_size = 4096;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_sessions_mv TO trace_sessions AS
SELECT DISTINCT project_id, trace_id,
       arrayJoin(arrayFilter(id -> id != '', [s.session_id, conversation_id, resource_session_id, default_session_id])) AS session_id
FROM spans AS s;
