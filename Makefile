# make run           see a function answer, on this machine
# make test          run the tests
# make check         lint, format, types, branch coverage of the runtime and of its events
# make coverage      branch coverage of all that the tests run
# make test-deploy   build, push and run real images; slow, and it wants Debian and root
# make bench         measure against AWS's own runtime and emulator
# make bench-deploy  measure image builds against buildah
PYTHON ?= python3

# What is tested by `make test` and has no part in the coverage that `make check` asks for.
OPTIONAL := cli deploy local

run: .venv/installed
	.venv/bin/lambda-runtime local examples/hello/hello.py --event examples/hello/payload.json

test: .venv/installed .cache/aws-lambda-rie
	-scripts/install_chromium.sh
	.venv/bin/python -m pytest -q

check: .venv/installed .cache/aws-lambda-rie
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/coverage erase
	.venv/bin/coverage run -m pytest -q -m "not slow" $(OPTIONAL:%=--ignore=tests/%)
	# A process that a test kills may leave half a file behind, which is passed over.
	-.venv/bin/coverage combine -q 2>/dev/null
	.venv/bin/coverage report --omit="*/cli/*,*/deploy/*,*/local/*"

coverage: .venv/installed .cache/aws-lambda-rie
	.venv/bin/coverage erase
	.venv/bin/coverage run -m pytest -q
	-.venv/bin/coverage combine -q 2>/dev/null
	.venv/bin/coverage report --fail-under=90

test-deploy: .venv/installed .cache/ministack/installed
	-$(PYTHON) scripts/setup_containers.py
	.venv/bin/python -m pytest -q -m deploy tests/deploy

bench: .venv/installed .cache/aws-lambda-rie
	.venv/bin/python -m benchmarks

bench-deploy: .venv/installed
	-$(PYTHON) scripts/setup_containers.py
	.venv/bin/python -m benchmarks.deploy

# AWS's own emulator, for the tests; where it can't be had, they say so and go on without.
.cache/aws-lambda-rie: scripts/fetch_rie.py | .venv/installed
	-.venv/bin/python scripts/fetch_rie.py $@

.venv/installed: pyproject.toml bin/bootstrap
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

# An AWS on this machine that runs images. In an environment of its own: it wants a botocore of its own.
.cache/ministack/installed:
	$(PYTHON) -m venv .cache/ministack
	.cache/ministack/bin/pip install --quiet --disable-pip-version-check 'ministack>=1.4,<2' 'docker>=7,<8'
	touch $@

clean:
	rm -rf .venv .cache build dist *.egg-info

.PHONY: run test check coverage test-deploy bench bench-deploy clean
