#!/bin/sh
# For programs that read passwords from variables only: NAME_FILE becomes NAME, with what the file holds.
#   start.sh PROGRAM ARGUMENT…
set -eu
for name in $(env | sed -nE 's/^((CLICKHOUSE|GF|GENAI)_[A-Z_]*)_FILE=.*/\1/p'); do
    eval "file=\$${name}_FILE"
    export "$name=$(cat "$file")"
done
exec "$@"
