SELECT count() FROM {database:Identifier}.spans
