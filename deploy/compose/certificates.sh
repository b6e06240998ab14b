#!/bin/sh
# Makes what compose.yaml reads from ./secrets: an authority of our own, what it signs, passwords and keys. What is there already
# stays as it is, so that it can be run again; the authority's own key is not mounted anywhere: keep it elsewhere. Run it as root:
# it gives each file to the user of its image, and nobody else may read it.
#
#   sudo ./certificates.sh          makes what is not there
#   sudo ./certificates.sh renew    makes every certificate of our authority anew, with its key
set -eu
cd "$(dirname "$0")"
case "${1:-}" in
  '' | renew) ;;
  *) echo "$0: the one argument that there is: renew" >&2; exit 2 ;;
esac
umask 077
mkdir -p secrets backups
cd secrets

# The name that callers know the front by, as compose.yaml has it.
: "${FRONT_NAME:=$(sed -n 's/^FRONT_NAME=//p' ../.env 2> /dev/null || true)}"

random() { openssl rand -base64 32; }
# once FILE COMMAND…: what the command prints, unless the file is there
once() { file=$1; shift; [ -s "$file" ] || "$@" > "$file"; }
# ours NAME: whether its certificate is of our authority; one of a public authority is not made here
ours() { openssl verify -no_check_time -CAfile ca "$1-certificate" > /dev/null 2>&1; }

if [ ! -s ca ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=Gatehouse authority' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout ca-key -out ca 2> /dev/null
fi

# issue NAME HOSTS: NAME-key (PKCS 8) and NAME-certificate, which names the hosts
issue() {
  if [ -s "$1-certificate" ]; then
    if ! ours "$1"; then return; fi
    if [ "$renew" != renew ]; then
      openssl x509 -in "$1-certificate" -noout -checkend 2592000 > /dev/null ||
        echo "secrets/$1-certificate ends within 30 days: ./certificates.sh renew" >&2
      return
    fi
  fi
  if [ ! -s ca-key ]; then
    echo 'Put the key of the authority back into secrets/ca-key: without it no certificate can be made.' >&2
    exit 1
  fi
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1-key.new" -out "$1.csr" 2> /dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$2" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca -CAkey ca-key -days 825 -extfile "$1.ext" -out "$1-certificate.new" 2> /dev/null
  mv "$1-key.new" "$1-key"
  mv "$1-certificate.new" "$1-certificate"
  rm "$1.csr" "$1.ext"
}
# together NAME: the key with its certificate in one file, as Kafka takes them
together() { cat "$1-key" "$1-certificate" > "$1.new" && mv "$1.new" "$1"; }

renew=${1:-}
for broker in kafka-1 kafka-2 kafka-3; do
  issue "$broker" "DNS:$broker"
  together "$broker"
done
issue operator DNS:operator
together operator
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
  : > smtp-url # there before it is written, so that it is of the user who is to read it
  echo 'Write the mail server into secrets/smtp-url: smtps://user:password@mail.example.org' >&2
fi

if [ "$(id -u)" = 0 ]; then
  chown 1000:1000 ./* ../backups                       # Kafka and the services
  chown 999:999 postgres-key postgres-certificate postgres-password
  chown 101:101 front-key front-certificate
  if [ -e ca-key ]; then chown 0:0 ca-key; fi
  chmod 644 ca
else
  echo 'Run it again as root: until then the images, which are other users, cannot read what was made here.' >&2
fi
