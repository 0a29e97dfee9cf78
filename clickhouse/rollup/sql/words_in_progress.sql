SELECT count() FROM system.mutations WHERE database = currentDatabase() AND table = 'spans' AND NOT is_done AND NOT is_killed
