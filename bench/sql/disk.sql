SELECT table, sum(rows) AS rows, sum(data_compressed_bytes) AS data, sum(secondary_indices_compressed_bytes) AS indexes,
       sum(data_uncompressed_bytes) AS raw
FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table HAVING rows > 0 ORDER BY data DESC
