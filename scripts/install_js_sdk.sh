#!/bin/sh
# Installs AWS's SDK for JavaScript into the folder $1, for the tests. Needs node and npm; without
# them the tests say so.
set -eu

# The release that the tests are known to pass with.
version=3.1164.0

if ! command -v npm > /dev/null; then
    echo "there is no npm: the tests of the SDK for JavaScript are skipped" >&2
    exit 1
fi
mkdir -p "$1.new"
# Nothing of a package is run at its installation.
npm install --prefix "$1.new" --ignore-scripts --no-audit --no-fund --loglevel=error \
    "@aws-sdk/client-lambda@$version" > /dev/null
rm -rf "$1"
mv "$1.new" "$1"
