-- What sessions come to in each half hour, in the order of time: sums of a day read that day, not every session there is.

-- The half hours in which a session has or ever had anything, noted before any of its traces tells of them.
-- shard by cityHash64(project_id, session_id)
CREATE TABLE IF NOT EXISTS session_half_hours
(
    project_id LowCardinality(String) CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    since      DateTime64(0, 'UTC') CODEC(Delta(8), ZSTD(1)),
    noted_at   DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(noted_at)
ORDER BY (project_id, session_id, since);

-- A session's sums of one half hour, at the version of its row in `sessions`, where all of them stand; none where it has
-- left it (clickhouse/rollup/sql/leave_half_hours.sql).
-- shard by cityHash64(project_id, session_id)
CREATE TABLE IF NOT EXISTS half_hours
(
    `project_id`                LowCardinality(String) CODEC(ZSTD(1)),
    `since`                     DateTime64(0, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `session_id`                String CODEC(ZSTD(1)),
    `version`                   DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `recomputed_at`             DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `started_at`                DateTime64(9, 'UTC') CODEC(Delta(8), LZ4),
    `last_active_at`            DateTime64(9, 'UTC') CODEC(Delta(8), LZ4),
    `duration_ns`               UInt64 CODEC(T64, LZ4),
    `sums.trace_id`             Array(String) CODEC(LZ4),
    `sums.of`                   Array(String) CODEC(LZ4),
    `sums.model`                Array(String) CODEC(LZ4),
    `sums.service`              Array(String) CODEC(LZ4),
    `sums.user_id`              Array(String) CODEC(LZ4),
    `sums.users`                Array(Array(String)) CODEC(LZ4),
    `sums.environments`         Array(Array(String)) CODEC(LZ4),
    `sums.tags`                 Array(Array(String)) CODEC(LZ4),
    `sums.failed`               Array(Bool) CODEC(LZ4),
    `sums.metadata`             Array(Array(Tuple(key String, value String))) CODEC(ZSTD(1)),
    `sums.scores`               Array(Array(Tuple(name String, value Nullable(Float64), label String))) CODEC(ZSTD(1)),
    `sums.turns`                Array(UInt64) CODEC(T64, LZ4),
    `sums.errors`               Array(UInt64) CODEC(T64, LZ4),
    `sums.unpriced_turns`       Array(UInt64) CODEC(T64, LZ4),
    `sums.input_tokens`         Array(UInt64) CODEC(T64, LZ4),
    `sums.output_tokens`        Array(UInt64) CODEC(T64, LZ4),
    `sums.cache_read_tokens`    Array(UInt64) CODEC(T64, LZ4),
    `sums.cache_write_tokens`   Array(UInt64) CODEC(T64, LZ4),
    `sums.reasoning_tokens`     Array(UInt64) CODEC(T64, LZ4),
    `sums.cost_usd`             Array(Nullable(Decimal(38, 12))) CODEC(LZ4),
    `sums.traces`               Array(UInt64) CODEC(T64, LZ4),
    `sums.model_traces`         Array(UInt64) CODEC(T64, LZ4),
    `sums.service_traces`       Array(UInt64) CODEC(T64, LZ4),
    `sums.user_traces`          Array(UInt64) CODEC(T64, LZ4),
    `sums.model_service_traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.model_user_traces`    Array(UInt64) CODEC(T64, LZ4),
    `sums.service_user_traces`  Array(UInt64) CODEC(T64, LZ4)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, since, session_id)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS half_hours_mv TO half_hours AS
SELECT project_id, sums.since AS since, session_id, version, any(s.started_at) AS started_at,
       any(s.last_active_at) AS last_active_at, any(s.duration_ns) AS duration_ns,
       groupArray(sums.trace_id) AS `sums.trace_id`, groupArray(sums.of) AS `sums.of`,
       groupArray(sums.model) AS `sums.model`, groupArray(sums.service) AS `sums.service`,
       groupArray(sums.user_id) AS `sums.user_id`, groupArray(sums.users) AS `sums.users`,
       groupArray(sums.environments) AS `sums.environments`, groupArray(sums.tags) AS `sums.tags`,
       groupArray(sums.failed) AS `sums.failed`, groupArray(sums.metadata) AS `sums.metadata`,
       groupArray(sums.scores) AS `sums.scores`, groupArray(sums.turns) AS `sums.turns`,
       groupArray(sums.errors) AS `sums.errors`, groupArray(sums.unpriced_turns) AS `sums.unpriced_turns`,
       groupArray(sums.input_tokens) AS `sums.input_tokens`, groupArray(sums.output_tokens) AS `sums.output_tokens`,
       groupArray(sums.cache_read_tokens) AS `sums.cache_read_tokens`,
       groupArray(sums.cache_write_tokens) AS `sums.cache_write_tokens`,
       groupArray(sums.reasoning_tokens) AS `sums.reasoning_tokens`,
       arrayMap(x -> x.1, groupArray(tuple(sums.cost_usd))) AS `sums.cost_usd`,  -- a null is none to groupArray
       groupArray(sums.traces) AS `sums.traces`, groupArray(sums.model_traces) AS `sums.model_traces`,
       groupArray(sums.service_traces) AS `sums.service_traces`, groupArray(sums.user_traces) AS `sums.user_traces`,
       groupArray(sums.model_service_traces) AS `sums.model_service_traces`,
       groupArray(sums.model_user_traces) AS `sums.model_user_traces`,
       groupArray(sums.service_user_traces) AS `sums.service_user_traces`
FROM sessions AS s
ARRAY JOIN sums
GROUP BY project_id, since, session_id, version;

-- What there was before these tables.
INSERT INTO session_half_hours (project_id, session_id, since)
SELECT project_id, session_id, arrayJoin(sums.since) FROM sessions FINAL
UNION ALL
SELECT project_id, session_id,
       toDateTime64(JSONExtract(arrayJoin(JSONExtract(part, 10, 'Array(String)')), 1, 'Int64'), 0, 'UTC')
FROM session_traces FINAL
WHERE part != '';

-- The view sees each session once more. In small blocks, for each is grouped by the view as a whole.
INSERT INTO sessions
SELECT * FROM sessions FINAL
SETTINGS min_insert_block_size_rows = 32768, min_insert_block_size_bytes = 67108864;
