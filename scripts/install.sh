#!/bin/sh
# Install the packages of a make target into .venv, once. Called by the Makefile.
#
# usage: PYTHON=python3 scripts/install.sh run|dev|all
#
# The interpreter is checked before anything is downloaded. A .venv that is broken, or was made by
# another minor version or in another folder, is made anew. .venv/NAME-installed holds what the
# installation depended on: while that is unchanged there is nothing to do. uv is used where it is
# on PATH, pip otherwise.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
python=${PYTHON:-python3}
log=.cache/install.log
name=$1
child=

case $name in
run) extras=local covers=run ;;
dev) extras=dev covers='run dev' ;;
all) extras=dev,dev-check,dev-libraries,dev-web,dev-durable covers='run dev all' ;;
*) echo "install.sh: there is no $name: run, dev or all" >&2 && exit 2 ;;
esac

die() {
    echo "make: $1" >&2
    exit 1
}

# Set version, and base: the interpreter behind $python, which may be a virtual environment's.
check_python() {
    command -v "$python" >/dev/null ||
        die "cannot find $python: install Python 3.11 or later, or name one with PYTHON=/path/to/python3"
    found=$("$python" -c 'if 1:
        import sys
        base = getattr(sys, "_base_executable", None) or sys.executable
        sys.stdout.write("%d.%d %d %s" % (sys.version_info[:2] + (sys.version_info >= (3, 11), base)))
        ' 2>/dev/null) || die "cannot run $python: name another Python with PYTHON=/path/to/python3"
    version=${found%% *}
    base=${found#* ? }
    case $found in
    *' 0 '*) die "$python is Python $version, and 3.11 or later is needed: name one with PYTHON=/path/to/python3$(newer)" ;;
    esac
    [ -n "$uv" ] || "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        die "$python has no venv or no ensurepip: install them (on Debian: apt-get install python3-venv), or uv"
}

# Print which Python on PATH is new enough.
newer() {
    for minor in 14 13 12 11; do
        if "python3.$minor" -c '' 2>/dev/null; then
            echo " (python3.$minor is on PATH)"
            return
        fi
    done
}

# Say whether .venv was made in another folder: its scripts have that folder's path in them.
moved() {
    for stamp in .venv/*-installed; do
        [ ! -s "$stamp" ] || case $(cat "$stamp") in "$root "*) ;; *) return 0 ;; esac
    done
    return 1
}

# Print why .venv has to be made anew, nothing if it is good.
fault_of_venv() {
    if ! has=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); then
        echo "its Python does not start"
    elif [ "$has" != "$version" ]; then
        echo "it is of Python $has, and $python is $version"
    elif moved; then
        echo "it was made in another folder"
    elif [ -z "$uv" ] && ! .venv/bin/python -c 'import pip' 2>/dev/null; then
        echo "it has no pip"
    fi
}

# Run a command with its output in $log, and show every few seconds how far it is.
watched() {
    "$@" >>"$log" 2>&1 &
    child=$!
    ticks=0
    while kill -0 "$child" 2>/dev/null; do
        sleep 0.2
        ticks=$((ticks + 1))
        [ $((ticks % 15)) -ne 0 ] || echo "  $((ticks / 5)) s$(latest)" >&2
    done
    status=0
    wait "$child" || status=$?
    child=
    return "$status"
}

# Print the last line of the log that is not a warning, shortened, behind a colon.
latest() {
    awk '
        /^WARNING/ { next }
        /^Installing collected packages:/ { last = ": installing " NF - 3 " packages"; next }
        { sub(/^ +/, ""); sub(/ \(from.*/, ""); last = ": " substr($0, 1, 70) }
        END { print last }' "$log"
}

# Give the reason of a failure in one line, and exit.
explain() {
    if reason=$(grep -oiE 'temporary failure in name resolution|name or service not known|dns error|network is unreachable|no route to host|connection refused|connect(ion)? timed? ?out|cannot connect to proxy|failed to fetch|error sending request' "$log"); then
        die "cannot download packages: is there a network? ($(echo "$reason" | tail -n 1)). All output is in $log"
    fi
    error=$(grep -iE '^ *(error|× |× |E: )' "$log" | tail -n 1)
    die "cannot install packages: ${error:-$(tail -n 1 "$log")}. All output is in $log"
}

trap '[ -z "$child" ] || kill "$child" 2>/dev/null; echo "make: stopped; run it again" >&2; exit 130' INT TERM

uv=$(command -v uv || true)
installer=pip
[ -z "$uv" ] || installer=uv
check_python
mkdir -p .cache
: >"$log"
if [ -e .venv ] || [ -L .venv ]; then
    reason=$(fault_of_venv)
    if [ -n "$reason" ]; then
        echo "making .venv anew: $reason" >&2
        rm -rf .venv
    fi
fi
wanted="$root $version $(cat pyproject.toml bin/bootstrap | cksum)"
[ "$(cat ".venv/$name-installed" 2>/dev/null)" != "$wanted" ] || exit 0

if [ ! -e .venv ]; then
    echo "making a virtual environment of Python $version in .venv, once" >&2
    if [ -n "$uv" ]; then
        # With pip, which tests and images use.
        watched uv venv --seed --python "$base" .venv || explain
    else
        watched "$base" -m venv .venv || explain
    fi
fi
echo "installing the packages of [$extras] into .venv with $installer, once" >&2
if [ -n "$uv" ]; then
    watched uv pip install --python .venv/bin/python --editable ".[$extras]" || explain
else
    watched .venv/bin/python -m pip install --disable-pip-version-check --no-input --retries 1 \
        --progress-bar off --editable ".[$extras]" || explain
fi
for stamp in $covers; do
    echo "$wanted" >".venv/$stamp-installed"
done
echo "installed: $(.venv/bin/python -c 'from importlib.metadata import distributions; print(len([*distributions()]))') packages" >&2
