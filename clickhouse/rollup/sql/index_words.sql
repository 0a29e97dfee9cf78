ALTER TABLE spans MATERIALIZE INDEX by_words IN PARTITION ID {partition:String}
