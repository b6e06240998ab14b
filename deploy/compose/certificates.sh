#!/bin/sh
# Makes what compose.yaml reads from ./secrets: an authority of our own, what it signs, passwords and keys. What is there already
# stays as it is, so that it can be run again; the authority's own key is not mounted anywhere: keep it elsewhere.
# As root it also gives each file to the user of its image, which Postgres insists on.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets

random() { openssl rand -base64 32; }
# once FILE COMMAND…: what the command prints, unless the file is there
once() { file=$1; shift; [ -s "$file" ] || "$@" > "$file"; }

if [ ! -s ca ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=Gatehouse authority' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout ca-key -out ca 2> /dev/null
fi

# issue NAME HOSTS: NAME-key (PKCS 8) and NAME-certificate, which names the hosts
issue() {
  if [ -s "$1-certificate" ]; then return; fi
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1-key" -out "$1.csr" 2> /dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$2" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca -CAkey ca-key -days 825 -extfile "$1.ext" -out "$1-certificate" 2> /dev/null
  rm "$1.csr" "$1.ext"
}

for broker in kafka-1 kafka-2 kafka-3; do
  issue "$broker" "DNS:$broker"
  once "$broker" cat "$broker-key" "$broker-certificate"
done
issue operator DNS:operator
once operator cat operator-key operator-certificate
issue postgres DNS:postgres
issue front "DNS:${FRONT_NAME:-localhost}"

once postgres-password openssl rand -hex 24
once database-url sh -c 'printf "postgres://gatehouse:%s@postgres:5432/gatehouse\n" "$(cat postgres-password)"'
once vault-key random
once gateway-page-key random
once command-keys sh -c 'printf "first:%s\n" "$(openssl rand -base64 32)"'
for service in registration approval token gateway review audit; do
  once "kafka-password-$service" openssl rand -hex 24
done
if [ ! -s smtp-url ]; then
  echo 'Write the mail server into secrets/smtp-url: smtps://user:password@mail.example.org' >&2
fi

if [ "$(id -u)" = 0 ]; then
  chown 1000:1000 ./*                                  # Kafka and the services
  chown 999:999 postgres-key postgres-certificate postgres-password
  chown 101:101 front-key front-certificate
  chown 0:0 ca-key
  chmod 644 ca
fi
