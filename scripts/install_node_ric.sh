#!/bin/sh
# Builds AWS's runtime interface client for Node.js in the folder $1, for the tests: minutes. It has no
# compiled form; npm compiles libcurl and a client in C++, with cmake, g++ and Node's header files.
set -eu

# The release that the tests are known to pass with.
version=4.0.2

for program in npm cmake g++ make; do
    if ! command -v "$program" > /dev/null; then
        echo "there is no $program: the tests of Node's runtime interface client are skipped" >&2
        exit 1
    fi
done
if [ ! -e /usr/include/node/node_api.h ]; then
    echo "there are no header files in /usr/include/node: npm fetches them from nodejs.org" >&2
fi
mkdir -p "$1.new"
npm install --prefix "$1.new" --no-audit --no-fund --loglevel=error "aws-lambda-ric@$version" \
    > "$1.new/log" 2>&1 || {
    tail -n 5 "$1.new/log" >&2
    exit 1
}
rm -rf "$1"
mv "$1.new" "$1"
