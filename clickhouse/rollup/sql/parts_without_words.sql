-- The parts of `spans` that have no index over words, or are so small that nobody can tell: what other indexes weigh is a
-- byte or two per row, this one a hundred.
SELECT partition_id, concat(toString(min_block_number), '_', toString(max_block_number), '_', toString(level)) AS part,
       rows, toUInt32(greatest(0, dateDiff('second', modification_time, now()))) AS at_rest_seconds
FROM system.parts
WHERE database = currentDatabase() AND table = 'spans' AND active AND rows > 0
  AND secondary_indices_compressed_bytes < 16384 + 4 * rows
