-- Now, as the database has it: where a live feed begins. Of no project.
SELECT toUnixTimestamp64Micro(now64(6)) AS position
