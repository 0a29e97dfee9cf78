BACKUP DATABASE $database TO $place
