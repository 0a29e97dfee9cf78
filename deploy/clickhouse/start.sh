#!/bin/sh
# The database's passwords reach its configuration as variables (from_env), because it cannot read them from files.
set -eu
for secret in "${SECRETS:-/run/secrets}"/clickhouse_*; do
    name=$(basename "$secret" | tr '[:lower:]' '[:upper:]')
    export "$name=$(cat "$secret")"
done
exec "$@"
