# make run           see a function answer, on this machine
# make test          run the tests in minutes: ARGS="tests/core -k name" runs a part of them
# make check         lint, format and types
# make test-slow     run the tests that take more than a few seconds: EXAMPLES=1000 for long proofs
# make test-deploy   build, push and run real images; slow, and it wants Debian and root
# make docs          build the site of docs/ in .cache/docs/site
# make screenshots   take the pictures of the console in docs/, with Chromium
# make mutants       change a token of the source at a time, and see that a fast test fails
# make contract      what is used of AWS's durable engine, against its newest release
# make bench         measure beside the peers, and write docs/proof anew; a quarter of an hour
# make bench-deploy  likewise image builds beside buildah's; root on Debian
# make release-check build what would be published, and use it in a bare virtual environment
# make pages         write the generated pages of docs/ anew
#
# Each installs what it needs into .venv, once. `.ci/run` runs them all, with branch coverage.
PYTHON ?= python3

install = @PYTHON='$(PYTHON)' scripts/install.sh
pytest = .venv/bin/python -m pytest -q -n auto --dist loadfile

run:
	$(install) run
	.venv/bin/lambda-runtime local examples/hello/hello.py --event examples/hello/payload.json

test: .cache/aws-lambda-rie
	$(install) dev
	$(pytest) -m "not slow and not deploy" $(ARGS)

test-slow: .cache/aws-lambda-rie .cache/js-sdk .cache/suites
	$(install) all
	$(pytest) -m "slow and not deploy" $(ARGS)

check:
	$(install) all
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

docs: .cache/docs/installed
	.cache/docs/env/bin/sphinx-build -E -W --keep-going -q -d .cache/docs/doctrees docs .cache/docs/site

screenshots:
	$(install) dev
	-scripts/install_chromium.sh
	.venv/bin/python -m scripts.screenshots

mutants: .cache/aws-lambda-rie
	$(install) all
	.venv/bin/python -m scripts.mutants $(ARGS)

test-deploy: .cache/ministack/installed
	$(install) dev
	-$(PYTHON) scripts/setup_containers.py
	.venv/bin/python -m pytest -q -m deploy tests/deploy $(ARGS)

# In an environment of its own: pyproject.toml has an upper bound, and this looks beyond.
contract:
	@$(PYTHON) -m venv .cache/contract
	@.cache/contract/bin/pip install --disable-pip-version-check --progress-bar off --quiet --editable '.[local]' pytest
	@.cache/contract/bin/pip install --disable-pip-version-check --progress-bar off --quiet --upgrade aws-durable-execution-sdk-python-testing
	.cache/contract/bin/python -m pytest -q tests/local/durable/test_contract.py $(ARGS)

bench: .cache/aws-lambda-rie
	$(install) all
	.venv/bin/python -m benchmarks --json benchmarks/results/runtime.json
	.venv/bin/python -m benchmarks.plans --json benchmarks/results/plans.json
	.venv/bin/python -m benchmarks.page

bench-deploy:
	$(install) dev
	-$(PYTHON) scripts/setup_containers.py
	.venv/bin/python -m benchmarks.deploy --json benchmarks/results/images.json
	.venv/bin/python -m benchmarks.page

pages:
	$(install) all
	.venv/bin/python scripts/keys_page.py
	.venv/bin/python scripts/cases_page.py
	.venv/bin/python -m benchmarks.page

# Frameworks' own tests, for ours of web applications; where they can't be had, those say so.
.cache/suites: scripts/fetch_suites.py
	$(install) all
	-@.venv/bin/python scripts/fetch_suites.py $@

# AWS's own emulator, for the tests; where it can't be had, they say so and go on without.
.cache/aws-lambda-rie: scripts/fetch_rie.py
	$(install) dev
	-@.venv/bin/python scripts/fetch_rie.py $@

# AWS's SDK for JavaScript, for the tests; likewise.
.cache/js-sdk: scripts/install_js_sdk.sh
	-@scripts/install_js_sdk.sh $@

# AWS's runtime for Node.js. By hand: to compile it takes minutes.
.cache/node-ric: scripts/install_node_ric.sh
	@scripts/install_node_ric.sh $@

# AWS's SAM and CDK, for the examples of them. By hand: they are large.
.cache/sam:
	@$(PYTHON) -m venv $@
	@$@/bin/pip install --disable-pip-version-check --progress-bar off --quiet 'aws-sam-cli>=1,<2'

.cache/cdk:
	@npm install --silent --no-audit --no-fund --prefix $@ aws-cdk aws-cdk-lib constructs

# An AWS on this machine that runs images. In an environment of its own: it wants a botocore of its own.
.cache/ministack/installed:
	@echo "installing ministack into .cache/ministack, once"
	@$(PYTHON) -m venv .cache/ministack
	@.cache/ministack/bin/pip install --disable-pip-version-check 'ministack>=1.4,<2' 'docker>=7,<8'
	touch $@

release-check: .cache/release/installed
	$(install) dev
	.venv/bin/python -m scripts.release_check

# In an environment of its own: nothing else needs them.
.cache/release/installed:
	@echo "installing build and twine into .cache/release, once"
	@$(PYTHON) -m venv .cache/release/env
	@.cache/release/env/bin/pip install --disable-pip-version-check --progress-bar off --quiet 'build>=1.2,<2' 'twine>=6,<7'
	@touch $@

# In an environment of its own: Sphinx and the AWS CLI want different versions of docutils.
.cache/docs/installed: pyproject.toml
	@echo "installing Sphinx into .cache/docs, once"
	@$(PYTHON) -m venv .cache/docs/env
	@.cache/docs/env/bin/pip install --disable-pip-version-check --progress-bar off --quiet --editable '.[docs]'
	@touch $@

clean:
	rm -rf .venv .cache build dist *.egg-info

.PHONY: run test test-slow check docs pages screenshots mutants test-deploy contract bench \
	bench-deploy release-check clean
