# make run     see a function answer, on this machine
# make test    run the tests
# make check   lint, format, types, coverage
# make bench   measure against AWS's own runtime
PYTHON ?= python3

run: .venv/installed
	.venv/bin/lambda-runtime local examples/hello/hello.py --event examples/hello/payload.json

test: .venv/installed .cache/aws-lambda-rie
	.venv/bin/python -m pytest -q

check: .venv/installed .cache/aws-lambda-rie
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/coverage erase
	.venv/bin/coverage run -m pytest -q
	# A process that a test kills may leave half a file behind, which is passed over.
	-.venv/bin/coverage combine -q 2>/dev/null
	.venv/bin/coverage report

bench: .venv/installed
	.venv/bin/python -m benchmarks

# AWS's own emulator, for the tests; where it can't be had, they say so and go on without.
.cache/aws-lambda-rie: scripts/fetch_rie.py | .venv/installed
	-.venv/bin/python scripts/fetch_rie.py $@

.venv/installed: pyproject.toml bin/bootstrap
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .cache build dist *.egg-info

.PHONY: run test check bench clean
