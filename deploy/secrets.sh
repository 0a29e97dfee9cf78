#!/bin/sh
# Makes what compose.yaml wants to be told: a password per user of the database, a projects file, and two keys. Once: what is there stays.
#
#   deploy/secrets.sh [FOLDER]        default: secrets
set -eu
umask 077
folder=${1:-secrets}
mkdir -p "$folder"
cd "$folder"

random() { od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'; }
digest() { sha256sum "$1" | cut -d ' ' -f 1; }

for name in clickhouse_owner clickhouse_reader clickhouse_grafana clickhouse_cluster grafana_admin; do
    [ -e "$name" ] || random > "$name"
done
for name in ingest_key read_key; do
    [ -e "$name" ] || { printf gs_; random; } > "$name"
done
[ -e projects.toml ] || cat > projects.toml <<END
# Projects and keys; only digests of keys stand here. More keys: \`docker compose run --rm --no-deps receiver keys new\`.
[[projects]]
id = "default"

[[keys]]
name = "apps"
sha256 = "$(digest ingest_key)"
projects = ["default"]
scopes = ["ingest"]

[[keys]]
name = "people"
sha256 = "$(digest read_key)"
projects = ["default"]
scopes = ["admin"]
END
# The folder is closed to others; the files are open because each container reads them as a user of its own.
chmod 0444 ./*

printf 'Apps send with     OTEL_EXPORTER_OTLP_HEADERS="x-api-key=%s"\n' "$(cat ingest_key)"
printf 'The pages ask for  %s\n' "$(cat read_key)"
printf 'Grafana: admin,    %s\n' "$(cat grafana_admin)"
