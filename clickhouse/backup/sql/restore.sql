RESTORE DATABASE $database AS $target FROM $place
