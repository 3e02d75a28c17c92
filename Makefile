# Everything runs from .venv, which `make setup` builds from constraints.txt, the lock of requirements.txt.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Directory and executor are taken from make's own command line, never from the environment
given = $(if $(findstring command,$(origin $(1))),$($(1)))
STACK := $(BIN)/python -m stack $(if $(call given,DATA),--data $(DATA)) \
  $(if $(call given,EXECUTOR),--executor $(EXECUTOR))
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
DOCS_VENV := .venv-docs
DOCS_STAMP := $(DOCS_VENV)/.installed
# Sets of tools have environments of their own, from requirements/<set>.lock
LINT := .venv-lint/bin
MEASURE := .venv-measure/bin

.DEFAULT_GOAL := help
.PHONY: help setup browser redis postgres up down status demo test faults upgrade-test compose-test network-test kubernetes-test soak flakes bench check lint leaks format hooks coverage mutants audit wheel wheel-test release release-dump docs lock schema migrate rotate airflow live secrets restatement

# Hundreds of processes import the same modules: each would compile them for seconds. Where the
# environment forbids Python to keep what it has compiled, make allows it
unexport PYTHONDONTWRITEBYTECODE

# Exported rather than written before the commands: make then starts Python itself, without a
# shell between them that would keep a signal from it.
up down status demo bench migrate rotate airflow live restatement release: export PYTHONPATH := include:plugins

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(firstword $(MAKEFILE_LIST)) \
	| while IFS='|' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

setup: $(STAMP) ## Make .venv with everything the project needs

# Tests and pictures of the console's pages need it. Debian's package has no other name
browser: ## Install Chromium, unless it is there (Debian or Ubuntu, as root or with sudo)
	@command -v chromium >/dev/null || { \
	  echo "browser: installing Chromium"; \
	  test "$$(id -u)" = 0 || sudo="sudo -n"; \
	  { $$sudo apt-get -qq update && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium; } >/dev/null 2>&1; \
	  command -v chromium >/dev/null || echo "browser: no Chromium; install it and put it on the PATH" >&2; }

# Debian's package redis-tools has the server too, and starts no service (include/stack/broker.py)
redis: ## Install a Redis server, unless it is there (Debian or Ubuntu, as root or with sudo)
	@command -v redis-server >/dev/null || command -v redis-check-rdb >/dev/null || { \
	  echo "redis: installing Redis"; \
	  test "$$(id -u)" = 0 || sudo="sudo -n"; \
	  { $$sudo apt-get -qq update && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y redis-tools; } >/dev/null 2>&1; \
	  command -v redis-check-rdb >/dev/null || echo "redis: no Redis server; install it and put it on the PATH" >&2; }

# Tests of the database on another version. From PGDG's archive, where Debian or Ubuntu has another version
POSTGRES_BIN = /usr/lib/postgresql/$(call given,POSTGRES)/bin
postgres: ## Install a PostgreSQL server, unless it is there: make postgres POSTGRES=15 (Debian or Ubuntu)
	@test -n "$(call given,POSTGRES)" || { echo "postgres: say which, as in POSTGRES=15" >&2; exit 2; }
	@test -x $(POSTGRES_BIN)/postgres || { \
	  echo "postgres: installing PostgreSQL $(POSTGRES)"; \
	  test "$$(id -u)" = 0 || sudo="sudo -n"; \
	  install() { $$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y "$$@"; }; \
	  { $$sudo apt-get -qq update && { install postgresql-$(POSTGRES) || { install postgresql-common \
	    && $$sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y && install postgresql-$(POSTGRES); }; }; } \
	  >/dev/null 2>&1; \
	  test -x $(POSTGRES_BIN)/postgres || { echo "postgres: no PostgreSQL $(POSTGRES) in $(POSTGRES_BIN)" >&2; exit 2; }; }

up demo: $(if $(filter celery,$(call given,EXECUTOR)),redis)

up: $(STAMP) ## Start the stack and return when it is healthy (UI on port 8080; EXECUTOR=celery for Celery's workers; DATA=data/demo for the rows of the demo)
	@$(STACK) up

down: $(STAMP) ## Stop the stack entirely
	@$(STACK) down

status: $(STAMP) ## Tell what runs and how to reach it
	@$(STACK) status

demo: $(STAMP) browser ## Run the demo from the first row to the last result, then stop everything
	@$(STACK) demo

# Installs nothing: a package of the same version may be in use
wheel: .venv-package/.installed ## Build the package airflow-provider-amc in dist
	@rm -f dist/airflow_provider_amc-*.whl
	@.venv-package/bin/python -m hatchling build -t wheel

wheel-test: $(STAMP) .venv-package/.installed .venv-sbom/.installed ## Install the package in an empty environment, run its example, and build a release twice (minutes; needs a network)
	@$(BIN)/python -m pytest -m "long or not long" tests/package

# Publishing is left to people: docs/how-to/make-a-release.md
release: $(STAMP) .venv-package/.installed .venv-sbom/.installed ## Build wheel, images and bill of materials of a version tag in dist
	@$(BIN)/python -m release

release-dump: $(STAMP) ## Write a database at the newest migration to tests/store/releases
	@$(BIN)/python tests/store/release_dump.py

# Four processes for two cores: two have a stack each first, and mostly wait for it
test: $(STAMP) .venv-package/.installed .venv-sbom/.installed browser redis $(if $(call given,POSTGRES),postgres) ## Run all tests (POSTGRES=15 for those of the database on another version)
ifneq ($(call given,POSTGRES),)
	@TEST_POSTGRES_BIN=$(POSTGRES_BIN) $(BIN)/python -m pytest -n 4 -m "not long and not stack and not own_stack" \
	  tests/store tests/pipeline tests/follower tests/results tests/console tests/model
else
	@$(BIN)/python -m pytest -n 4 --no-loadscope-reorder
endif

faults: $(STAMP) browser redis ## Kill everybody at every point and print the matrix, then try 1,000 examples of each rule (an hour)
	@$(BIN)/python -m pytest -m "long or not long" tests/faults tests/e2e \
	  --deselect tests/faults/test_soak.py --deselect tests/faults/test_long_waits.py
	@$(BIN)/python -m pytest -n 4 -m hypothesis --hypothesis-profile=thorough

# Each of the three files starts a stack of its own
upgrade-test: export UPGRADE_FROM := $(call given,FROM)
upgrade-test: $(STAMP) ## Upgrade a working stack, restore a backup, clean a year of Airflow's history (a quarter of an hour; FROM=commit)
	@$(BIN)/python -m pytest -m long tests/upgrades

# The Compose file on Docker, or on podman as root with stand-ins for images that cannot be pulled
compose-test: export PYTHONPATH := include:plugins:tests
compose-test: $(STAMP) ## Let containers fail under work and print the matrix (an hour; ONLY="redis postgres")
	@$(BIN)/python -m containers faults $(ONLY)

# With podman or Docker as above, and nftables
network-test: export PYTHONPATH := include:plugins:tests
network-test: $(STAMP) ## Cut containers off from each other under work and print the matrix (two hours; ONLY="broker 600")
	@$(BIN)/python -m containers cuts $(ONLY)

# helm and kubectl come from deploy/kubernetes/tools.txt. No registry of packages has the chart
kubernetes-test: export CHART_OF_AIRFLOW := $(abspath $(CHART))
kubernetes-test: $(STAMP) ## Render and check deploy/kubernetes (CHART=airflow-1.22.0.tgz renders the release too)
	@$(if $(CHART),,echo "kubernetes-test: no CHART, so only our own manifests are rendered")
	@$(BIN)/python -m pytest -m long tests/deploy/test_kubernetes_rendered.py $(if $(CHART),,-k "not release")

soak: $(STAMP) ## Run 300 executions under faults and kills, then backfills beside 60 that wait (half an hour at most)
	@$(BIN)/python -m pytest -m long tests/faults/test_soak.py tests/faults/test_long_waits.py

bench: $(STAMP) ## Measure whether it is fast enough: make bench ONLY="1 4"
	@$(BIN)/python -m bench $(ONLY)

restatement: $(STAMP) ## Say which plans of restatement save readings, and what they miss (some minutes)
	@$(BIN)/python -m bench.restatement_study

flakes: $(STAMP) .venv-package/.installed .venv-sbom/.installed browser redis ## Run all tests ten times and list those whose outcomes differ (hours; RUNS=3 for fewer)
	@$(BIN)/python tests/lint/flakes.py $(or $(call given,RUNS),10)

check: $(STAMP) lint ## Check lint, format and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

# Nothing here needs a network. Migrations before 0025 are published, so they never change
lint: .venv-lint/.installed ## Check workflow files, imports and new migrations
	@$(LINT)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(LINT)/zizmor --offline --no-progress --quiet .github
	@PYTHONPATH=plugins:include $(LINT)/lint-imports --no-logo --cache-dir .venv-lint/imports
	@files="$$(ls include/sql/migrations/*.sql | awk -F/ '$$NF >= "0025"')"; \
	test -z "$$files" || $(LINT)/squawk --config tests/lint/squawk.toml $$files

leaks: .venv-lint/.installed ## Look for keys and tokens in all files
	@git ls-files -z | xargs -0 $(LINT)/detect-secrets-hook --no-verify --baseline tests/lint/known_secrets.json

hooks: .venv-lint/.installed ## Have Git run the checks of changed files before each commit
	@$(LINT)/pre-commit install

# The two files start programs of .venv, and run nothing of the pipeline
coverage: .venv-measure/.installed .venv-package/.installed .venv-sbom/.installed ## Say which lines of the pipeline the tests run that start no stack
	@mkdir -p data/coverage
	@$(MEASURE)/python -m pytest -n 4 -m "not long and not stack and not own_stack" --cov --cov-report= -q \
	  --ignore tests/stack/test_compose.py --ignore tests/test_dependencies.py
	@$(MEASURE)/coverage report

mutants: .venv-measure/.installed ## Change rules and tasks and say which changes no test sees (hours): make mutants ONLY="domain/text"
	@$(MEASURE)/python tests/lint/mutants.py $(call given,ONLY)

# Without --strict it also ends well where the index has no advisories, as a mirror has none
audit: .venv-audit/.installed ## Look up known vulnerabilities of the locked packages (needs a network)
	@for lock in constraints.txt docs/constraints.txt requirements/*.lock; do \
	  .venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --requirement $$lock || failed=1; \
	done; test -z "$$failed"

format: $(STAMP) ## Rewrite the sources in the house format
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: $(DOCS_STAMP) ## Build the pages of docs/ as a site in data/docs
	@$(DOCS_VENV)/bin/sphinx-build --fail-on-warning --keep-going --nitpicky --quiet docs data/docs
	@echo "docs: data/docs/index.html"

# uv is needed for this alone; versions that are locked stay unless requirements.txt says otherwise.
# The sets of requirements/ have names alone: their versions are those of constraints.txt
COMPILE = uv pip compile --quiet --universal --python-version 3.11.5 --generate-hashes --no-header --no-annotate
lock: ## Write all locks of requirements (needs uv; UPGRADE="--upgrade" for newer versions)
	@for folder in . docs; do \
	  $(COMPILE) $(UPGRADE) $$folder/requirements.txt --output-file $$folder/constraints.txt || exit; \
	done
	@for set in run emulator kubernetes; do \
	  $(COMPILE) --constraints constraints.txt requirements/$$set.txt --output-file requirements/$$set.lock || exit; \
	done
	@for set in lint measure audit package sbom; do \
	  $(COMPILE) $(UPGRADE) --constraints constraints.txt requirements/$$set.txt --output-file requirements/$$set.lock || exit; \
	done

schema: $(STAMP) ## Write include/sql/schema.sql and the generated pages of docs/
	@$(BIN)/python tests/store/schema_snapshot.py
	@PYTHONPATH=plugins $(BIN)/python tests/docs/generated_pages.py

migrate: $(STAMP) ## Apply pending migrations to the application database
	@$(STACK) migrate

rotate: $(STAMP) ## Encrypt all users' tokens with the newest key, and say how many are left
	@$(BIN)/python -m recomamp.store.rotate_tokens

live: $(STAMP) ## Try the real AMC and compare it with the emulator (RECOMAMP_LIVE_*; YES=1 runs two queries unasked)
	@$(BIN)/python -m live $(if $(YES),--yes)

airflow: $(STAMP) ## Run Airflow's command line on the stack: make airflow ARGS="dags list"
	@$(STACK) airflow $(ARGS)

# PYTHON chooses the interpreter; without it the first of the usual names that is new enough.
$(STAMP): requirements.txt constraints.txt
	@said="no Python found"; \
	for name in $(or $(PYTHON),python3.11 python3.12 python3.13 python3); do \
	  if said=$$("$$name" include/stack/python_version.py 2>&1); then \
	    test -z "$$said" || echo "$$said"; \
	    echo "setup: making $(VENV) with $$name"; exec "$$name" -m venv $(VENV); \
	  fi; \
	done; \
	echo "setup: $$said; set PYTHON to one that is new enough" >&2; exit 2
	@rm -f $(VENV)/.failed
	@{ { $(PIP) install --progress-bar off --require-hashes --no-deps -r constraints.txt \
	     && $(PIP) check >&2; } || touch $(VENV)/.failed; } \
	| awk '/^Collecting/ && ++n % 20 == 0 { print "setup: " n " packages looked up"; fflush() } \
	       /^Installing collected/ { print "setup: installing"; fflush() }'
	@test ! -e $(VENV)/.failed || { echo "setup: pip failed, see above" >&2; exit 2; }
	@touch $@
	@echo "setup: done"

# The site has an environment of its own: the product needs none of its packages
$(DOCS_STAMP): docs/requirements.txt docs/constraints.txt | $(STAMP)
	@$(BIN)/python -m venv $(DOCS_VENV)
	@$(DOCS_VENV)/bin/python -m pip --disable-pip-version-check --no-input install --quiet \
	  --require-hashes --no-deps -r docs/constraints.txt
	@touch $@

# The same for each set of tools
.venv-%/.installed: requirements/%.txt requirements/%.lock | $(STAMP)
	@echo "setup: making .venv-$*"
	@$(BIN)/python -m venv .venv-$*
	@.venv-$*/bin/python -m pip --disable-pip-version-check --no-input install --quiet \
	  --require-hashes --no-deps -r requirements/$*.lock
	@touch $@

# These tools run the tests, so they see the product's packages behind their own
.venv-measure/.installed: requirements/measure.txt requirements/measure.lock $(STAMP)
	@echo "setup: making .venv-measure"
	@$(BIN)/python -m venv .venv-measure
	@$(MEASURE)/python -m pip --disable-pip-version-check --no-input install --quiet \
	  --require-hashes --no-deps -r requirements/measure.lock
	@$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
	> "$$($(MEASURE)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/product.pth"
	@touch $@

# Compose reads the folder from .env, unless the environment names it
SECRETS_OF_ENV = $(shell sed -n "s/^RECOMAMP_SECRETS_DIR=\([\"']\)\(.*\)\1.*/\2/p; t; s/^RECOMAMP_SECRETS_DIR=\([^ ]*\).*/\1/p" .env 2>/dev/null | tail -n 1)
secrets: ## Make the secret files of docker-compose.yaml, as far as they can be generated
	@$(or $(PYTHON),python3) include/compose/secret_files.py make "$(or $(RECOMAMP_SECRETS_DIR),$(SECRETS_OF_ENV),secrets)"
