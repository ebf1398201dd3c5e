#!/usr/bin/env bash
# Locks: the whole environment first, then each part under its constraints, so that they agree. Clients of the
# tests have environments of their own, which need not agree with anything.
# No file names an index: hashes say what is meant, wherever it comes from.
set -euo pipefail
uv=$1
# A cooldown: what was published within the last week is not taken yet.
newest=${EXCLUDE_NEWER:-$(date -u -d '7 days ago' +%Y-%m-%dT00:00:00Z)}

compiled() { # compiled OUTPUT ARGUMENTS…
  local output=$1
  shift
  mkdir -p "$(dirname "$output")"
  "$uv" pip compile -q --universal --generate-hashes --python-version 3.11 --exclude-newer "$newest" \
    --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" "$@" -o "$output"
}
all=tests/requirements.txt
compiled $all --group inference --group analytics --group graphql --group training --group infra --group docs --group dev pyproject.toml
compiled layers/runtime/requirements.txt -c $all pyproject.toml
compiled layers/inference/requirements.txt -c $all --group inference
compiled layers/analytics/requirements.txt -c $all --group analytics
compiled layers/graphql/requirements.txt -c $all --group graphql
# Its files alone are used, so nothing that it needs is taken.
compiled layers/pages/requirements.txt --no-deps --group pages
compiled functions/training/train_image/requirements.txt -c $all --group training
compiled docs/requirements.txt -c $all --group docs
for client in kserve mlflow-3.12 mlflow-3.17 triton; do
  compiled tests/clients/$client/requirements.txt --group client-$client
done
# What comes over a client's environment, without its dependencies.
echo "mlflow==3.18.0" | compiled tests/clients/mlflow-3.18/over.txt --no-deps -
