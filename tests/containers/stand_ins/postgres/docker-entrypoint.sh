#!/bin/sh
# Make the cluster at the first start, then serve it. The image's user is postgres already.
set -eu
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust \
    --auth-host=scram-sha-256 --locale=C.UTF-8 --pgdata="$PGDATA"
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  pg_ctl --wait --options='-c listen_addresses= -c unix_socket_directories=/tmp' start
  createdb --host=/tmp --username="$POSTGRES_USER" "$POSTGRES_DB" || true
  pg_ctl --wait stop
fi
# podman mounts nothing below /run where the root is read-only: the socket is in /tmp
exec "$@" -c listen_addresses='*' -c unix_socket_directories=/tmp
