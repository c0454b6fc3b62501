# Every target sets up what it needs: an environment with the locked packages, .venv for the CPU, .venv-cuda where there is an NVIDIA GPU.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ACCELERATOR ?= $(shell command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L 2>/dev/null | grep -q GPU && echo cuda || echo cpu)
VENV ?= .venv$(if $(filter cuda,$(ACCELERATOR)),-cuda)
JOBS ?= $(shell nproc 2>/dev/null || echo 1)
RUNS ?= runs
RUN ?=
DATA ?=
WEIGHTS ?=
VENV_AUTOML ?= .venv-automl
# Paths reach the shell as variables of the environment, so that they may hold spaces.
export ACCELERATOR VENV VENV_AUTOML RUNS DATA WEIGHTS
LOCK := requirements/$(ACCELERATOR).txt
# SETUP=no takes VENV as it is: in an image, where everything is there and nothing may be written.
SETUP ?= yes
READY := $(if $(filter no,$(SETUP)),,$(VENV)/.ready)
READY_AUTOML := $(if $(filter no,$(SETUP)),,$(VENV_AUTOML)/.ready)
BIN := $(VENV)/bin
AGEREPRO := $(BIN)/agerepro
THESIS := experiments/koenig2019
TABLE4 := resnet50-faces2 senet50-faces2 vgg16-faces2 resnet50-imdb senet50-imdb vgg16-imdb vgg16-imdb-agedb
REGRESSIONS := $(addprefix regression-,faces2 imdb-agedb faces2-first-layer imdb-agedb-first-layer imdb-agedb-flattened)
DLIB := ridge chosen-inside averaged frozen
PAN_MORPH := $(foreach loss,softmax euclidean mean-variance,table2-$(loss)-rs table2-$(loss)-se) $(addprefix table3-proposed-,rs se imdbwiki-rs imdbwiki-se)
PAN_FGNET := table4-proposed table4-proposed-imdbwiki
APPARENT := apparent-gt-apparent real-gt-apparent apparent-dex real-dex-apparent real-residual-apparent
SENSITIVE := apparent-dex real-dex apparent-residual
REAL := real-gt-real apparent-gt-real real-dex real-residual apparent-dex-real apparent-svr apparent-residual
CONGRESS := experiments/congress
PORTRAITS := frozen fine-tuned ridge-pooled ridge chosen-inside averaged
REGRESSORS := regression-ridge regression-svr regression-flaml regression-autosklearn fine-tuned
# Tests that open pages run where there is a Chromium with its driver.
NOT_HERE := $(shell command -v chromedriver >/dev/null 2>&1 && { command -v chromium || command -v google-chrome; } >/dev/null 2>&1 || echo and not browser)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-21s %s\n", $$1, $$2}' Makefile
	@echo "  DATA=DIR: your data sets, one folder each (see docs/datasets.md); RUNS=DIR: where results go (runs); WEIGHTS=DIR: published weight files"

.PHONY: setup
setup: $(READY) ## make the environment with the locked packages
$(READY): $(LOCK) setup.py
	@bash requirements/setup.sh

.PHONY: setup-automl
setup-automl: $(VENV_AUTOML)/.ready ## make the environment of auto-sklearn, on Python 3.9 (PYTHON39=...); only `--engine autosklearn` needs it
$(VENV_AUTOML)/.ready: requirements/automl.txt
	@bash requirements/setup-automl.sh

# The paper's settings on the user's data, or the demo profile on drawn faces without DATA.
PROFILE = $(if $(strip $(DATA)),--profile paper --data "$$DATA" $(if $(strip $(WEIGHTS)),--weights "$$WEIGHTS"),--profile demo)

# Experiments run together; one table for all of them.
define run-paper
	@$(AGEREPRO) run $(2:%=experiments/$(strip $(1))/%.yaml) $(PROFILE) $(if $(strip $(DATA)),,--jobs $(JOBS)) --runs "$$RUNS" --report $(3)
endef
run-together = $(call run-paper,koenig2019,$(1),$(2))

.PHONY: cascade-fgnet
cascade-fgnet: $(READY) ## the main job: IMDB -> AgeDB -> FG-NET, 82 folds, modes a and c; synthetic faces without DATA
	$(call run-together,vgg16-faces2 vgg16-imdb-agedb,--explain)

.PHONY: table4
table4: $(READY) ## Table 4: three networks in modes a and b, VGG-16 in mode c
	$(call run-together,$(TABLE4))

.PHONY: adience
adience: $(READY) ## Adience: eight age groups, five folds
	$(call run-together,adience)

.PHONY: table6
table6: $(READY) ## Table 6: children, teenagers and adults of Adience, fold 1
	$(call run-together,adience-three-groups)

.PHONY: regress-fgnet
regress-fgnet: $(READY) $(if $(strip $(DATA)),$(READY_AUTOML)) ## Table 5 and Figure 12: regressions on features, the networks' own ages beside them; auto-sklearn with DATA, support vectors without
	$(call run-together,vgg16-faces2 vgg16-imdb-agedb $(REGRESSIONS))

.PHONY: regress-fgnet-autosklearn
regress-fgnet-autosklearn: $(READY) $(READY_AUTOML) ## three folds of drawn faces by auto-sklearn itself, a minute each
	@$(AGEREPRO) run $(THESIS)/regression-imdb-agedb.yaml --profile demo-autosklearn --folds 0-2 --runs "$$RUNS"

.PHONY: four-subjects
four-subjects: $(READY) ## Figure 13: subjects 2, 3, 4 and 5 of FG-NET tested together
	$(call run-together,four-subjects)

.PHONY: grid-search
grid-search: $(READY) ## the thesis's grid of rates and batch sizes: IMDB, AgeDB, six folds of FG-NET, fold 1 of Adience
	@for stage in "imdb vgg16-imdb-agedb" "agedb vgg16-imdb-agedb" "fgnet vgg16-imdb-agedb --folds 0-5" "adience adience"; do set -- $$stage; \
		$(AGEREPRO) grid $(THESIS)/$$2.yaml --stage $$1 $${@:3} $(PROFILE) --runs "$$RUNS"; done

.PHONY: fgnet-dlib
fgnet-dlib: $(READY) ## FG-NET with dlib's public-domain network: 82 folds on a CPU, ridge and a frozen softmax; drawn faces without DATA
	@$(AGEREPRO) run $(DLIB:%=experiments/fgnet-dlib/%.yaml) $(PROFILE) --jobs $(JOBS) --runs "$$RUNS" --report

.PHONY: pan2018
pan2018: $(READY) ## pan2018, Tables 2 to 6 and Figure 4: mean-variance loss on MORPH, FG-NET, CLAP2016 and AADB; drawn sets without DATA
	$(call run-paper,pan2018,$(PAN_MORPH) $(PAN_FGNET) table5-proposed table6-proposed)

.PHONY: pan2018-sweeps
pan2018-sweeps: $(READY) ## pan2018, Figure 3: weights of mean and variance loss, each swept alone; a stopped sweep continues
	@$(AGEREPRO) sweep experiments/pan2018/table2-mean-variance-se.yaml $(PROFILE) $(if $(strip $(DATA)),,--jobs $(JOBS)) --runs "$$RUNS" \
		--over loss.mean.weight=0,0.1,0.2,0.3,0.4 --over loss.variance.weight=0,0.05,0.1,0.15,0.2

.PHONY: agustsson2017
agustsson2017: $(READY) ## agustsson2017, Tables II and III, Figures 2, 3, 5, 6: DEX, residual DEX, support vectors, ground truth on APPA-REAL; drawn faces without DATA
	$(call run-paper,agustsson2017,$(APPARENT))
	$(call run-paper,agustsson2017,$(REAL))
	@$(AGEREPRO) explain $(SENSITIVE:%="$$RUNS/agustsson2017/%") --how sensitivity --checks 0 $(if $(strip $(DATA)),--data "$$DATA")

CLUSTER ?= cluster.yaml
export CLUSTER
.PHONY: lopo-fgnet-slurm
lopo-fgnet-slurm: $(READY) ## the main job as Slurm jobs, its 82 folds as an array; CLUSTER=cluster.yaml says what your site wants
	@$(AGEREPRO) submit $(THESIS)/vgg16-faces2.yaml $(THESIS)/vgg16-imdb-agedb.yaml $(PROFILE) --runs "$$RUNS" --cluster "$$CLUSTER" --explain

.PHONY: report
report: $(READY) ## the page of RUN="DIR ..."; without RUN that of cascade-fgnet, run first where it is not done
	@$(if $(strip $(RUN)),$(AGEREPRO) report $(RUN),$(MAKE) cascade-fgnet)

# The portraits, fetched where there is no DATA; then the table on those whose age is known within three years.
define run-portraits
	@$(if $(strip $(DATA)),,export DATA="$$RUNS/data"; $(AGEREPRO) data download congress --root "$$DATA";) \
		$(AGEREPRO) run $(1:%=$(CONGRESS)/%.yaml) --data "$$DATA" --runs "$$RUNS" --report; \
		for name in $(1); do set -- "$$@" "$$RUNS/congress/$$name"; done; $(AGEREPRO) table "$$@" --within-std 3
endef

.PHONY: cascade-congress
cascade-congress: $(READY) ## real faces, real weights: 547 public-domain portraits, 5 folds; fetched, or from DATA
	$(call run-portraits,$(PORTRAITS))

.PHONY: regress-congress
regress-congress: $(READY) $(READY_AUTOML) ## regressors on features of the portraits, the tuned network beside them; the two searches take an hour
	$(call run-portraits,$(REGRESSORS))

.PHONY: test
test: $(READY) ## what CI runs after `make check`: every test that is not slow
	@$(BIN)/python -m pytest -m "not slow and not gpu and not network $(NOT_HERE)" -n 2 --dist loadfile

.PHONY: test-slow
test-slow: $(READY) ## the slow proofs: detection on drawn faces, kills and resumes, whole weight files
	@$(BIN)/python -m pytest -m slow --timeout 3600

.PHONY: test-slurm
test-slurm: $(READY) ## the array of folds on a real Slurm of one node, set up here: needs root on Debian, takes four minutes
	@tests/cluster/node.sh install && $(BIN)/python -m pytest -q -s tests/cluster/slurm.py

.PHONY: test-automl
test-automl: $(READY) $(VENV_AUTOML)/.ready ## real fits of auto-sklearn; takes two minutes or so
	@$(BIN)/python -m pytest tests/regression/automl_real.py --timeout 900

.PHONY: docker-build
docker-build: ## the image agerepro:cpu or, with ACCELERATOR=cuda or on a machine with a GPU, agerepro:cuda (see docs/docker.md)
	@bash docker/build.sh

.PHONY: docker-cascade-fgnet
docker-cascade-fgnet: ## the main job inside the image: no set-up, results in RUNS, as your user
	@bash docker/run.sh make cascade-fgnet $(if $(filter command environment,$(firstword $(origin JOBS))),JOBS=$(JOBS))

.PHONY: test-docker
test-docker: ## build the CPU image without a registry, run the demo in it; takes half an hour, needs root on Debian
	@bash docker/test.sh

.PHONY: check
check: $(READY) ## formatter, linter, types, layers
	@$(BIN)/ruff format --check .; $(BIN)/ruff check .; $(BIN)/mypy; $(BIN)/lint-imports --no-cache | tail -n 20

.PHONY: golden
golden: $(READY) ## write the golden texts of the tests anew; look at the diff
	@AGEREPRO_RENEW_GOLDEN=1 $(BIN)/python -m pytest tests/report/test_tables.py tests/cli/test_audit_papers.py

.PHONY: lock
lock: ## resolve the locked versions anew (needs uv)
	@for device in cpu cuda; do uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		requirements/$$device.in -o requirements/$$device.txt; done

.PHONY: bench
bench: $(READY) ## time what has to be fast
	@for file in benchmarks/*.py; do $(BIN)/python $$file; done
