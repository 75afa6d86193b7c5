#!/usr/bin/env bash
# Checks manifests against the schema that Kubernetes publishes, from npm: kubernetes.sh PROGRAM. Exit code 77: skipped.
# There is no Kubernetes here, so nothing is run by one.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
source cmake/packages.sh

models=kubernetes-models@5.1.0
if ! command -v npm >/dev/null && ! (need_packages nodejs npm) >/dev/null 2>&1; then
    echo "SKIPPED: npm could not be installed (apt-get install nodejs npm)" >&2
    exit 77
fi
mkdir -p "build/$models"
if [[ ! -d build/$models/node_modules/kubernetes-models ]] &&
    ! npm install --prefix "build/$models" --no-audit --no-fund --no-save "$models" >"build/$models.log" 2>&1; then
    echo "SKIPPED: $models could not be installed by npm: see build/$models.log" >&2
    exit 77
fi

folder=$(mktemp -d /tmp/fanout-test-XXXXXX)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && "$program")
node tests/engines/kubernetes_schema.mjs "$PWD/build/$models/node_modules" "$folder"/{small,large}.json \
    --broken "$folder/broken.json"
