#!/bin/sh
# A runtime in shell, after the tutorial in AWS's documentation.
set -eu
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
headers="$(mktemp)"
trap 'rm -f "$headers"' EXIT
while true; do
    event="$(curl -sS -D "$headers" "$api/next")"
    id="$(tr -d '\r' <"$headers" | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')"
    echo "shell runtime got $event"
    curl -sS "$api/$id/response" -d "{\"echo\": $event}" >"$headers"
done
