# make demo    set everything up and anonymise a sample video
# make test    set everything up and run every check that CI runs
# make help    the rest

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MEDIAPIPE := .venv-mediapipe
CLUSTER := .venv-cluster
OPENVINO := .venv-openvino
# mediapipe 0.10.21 has no wheel for Python 3.13 and later: use an older one beside it where there is one.
MEDIAPIPE_PYTHON ?= $(shell for p in $(PYTHON) python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && echo $$p && break; done)
#  Seconds for one test: one that hangs says where, and the others go on.
LIMIT := --timeout 300 --timeout-method thread
PIP := -m pip --disable-pip-version-check --quiet

#  A process of ours is started some thousand times by the tests: each would compile the whole program anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help review-pictures control-room-pictures setup demo test test-all test-training lint unit unit-live unit-others contracts licences cluster-test page-test deploy-test bench bench-faces bench-fixed bench-plates bench-memory bench-gate bench-gate-short bench-attack bench-planted bench-live bench-watch soak soak-live mutants lock clean contracts-openvino kill-test fuzz formats options train train-dev

help:
	@sed -n 's/^# make /make /p' Makefile
	@echo "make lint        ruff and mypy --strict (over a tree laid out as it is installed)"
	@echo "make unit        the tests alone"
	@echo "make licences    compare the licences of all that is installed with requirements/licences.toml"
	@echo "make test-all    all of these, and what tests/skips.toml says is skipped: clusters, storage, OpenVINO, training"
	@echo "make contracts   the detector contracts with mediapipe, in an environment of its own"
	@echo "make page-test   TypeScript's and axe-core's view of the pages (fetches both with npm; needs Node and Chromium)"
	@echo "make cluster-test  Ray clusters and S3 storage, in an environment of its own (three minutes)"
	@echo "make contracts-openvino  the same on --device openvino (Linux; any 64-bit Intel or AMD processor), in an environment of its own"
	@echo "make bench       the whole comparison: leak, collateral, speed and memory of faces and plates, 720p to 4K (two hours)"
	@echo "make bench-faces  the faces at 720p alone: beside deface on the same clips (20 minutes)"
	@echo "make bench-plates  the same on clips of cars; PLATEDET=1 measures platedet beside us (AGPL, in its own environment)"
	@echo "make bench-gate  our leak on the same clips against the repository's figures; fails if it is a quarter worse"
	@echo "make bench-gate-short  the same on four short clips that anyone can make (two minutes; part of CI)"
	@echo "make bench-attack  try to undo our redaction; writes docs/threat-model.md (needs torch, ten minutes)"
	@echo "make bench-planted  put faces back into good outputs and count how many verify finds (40 minutes; CLIPS=FOLDER for others)"
	@echo "make bench-live  added latency, frames hidden and leaks of live at 720p25 (3 minutes, on a quiet machine)"
	@echo "make soak-live   the same for ten minutes, and whether memory grows"
	@echo "make soak        two live cameras, processes killed, a full disk, files good and bad: MINUTES=60"
	@echo "make bench-watch  how late two viewers in Chromium see a camera by webrtc: (two minutes, on a quiet machine)"
	@echo "make formats     write docs/formats.md from the tests that hold its rows"
	@echo "make options     write docs/options.md and docs/keys.md from the tables in cli/options.py and of the review page"
	@echo "make control-room-pictures  take the picture of docs/live.md of drawn cameras (needs Chromium)"
	@echo "make review-pictures  take the pictures of docs/review.md of the sample film (needs Chromium; a minute)"
	@echo "make kill-test   kill a run, and a review's edits, 50 times at random moments and see that they go on (5 minutes)"
	@echo "make fuzz        broken variants of every format through the whole program for ten minutes: up to 300 of each of pictures"
	@echo "                 and videos, 200 of texts (FUZZ='--seconds 0' for all of them, '--seed 1 --only mp4,plan' for others)"
	@echo "make mutants     put 300 small faults into the code, one at a time, and see whether tests notice (an hour on two cores; the first"
	@echo "                 time as long again to learn which tests run what)"
	@echo "make train       train the network, or go on (DATA=FOLDER; training/README.md); make train-dev measures the run so far"
	@echo "make lock        write requirements/*.txt anew from pyproject.toml"

$(VENV)/ready: requirements/dev.txt requirements/text.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("anonymize needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "Setting up $(VENV) (a minute or two, once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) install --require-hashes -r requirements/dev.txt
	@$(BIN)/python $(PIP) install --require-hashes --no-deps -r requirements/text.txt
	@$(BIN)/python $(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(MEDIAPIPE)/ready: requirements/mediapipe.txt pyproject.toml
	@test -n "$(MEDIAPIPE_PYTHON)" || { echo "mediapipe needs Python 3.11 or 3.12; set MEDIAPIPE_PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Setting up $(MEDIAPIPE) (a minute or two, once) ..."
	@$(MEDIAPIPE_PYTHON) -m venv $(MEDIAPIPE)
	@$(MEDIAPIPE)/bin/python $(PIP) install --require-hashes -r requirements/mediapipe.txt
	@$(MEDIAPIPE)/bin/python $(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(CLUSTER)/ready: requirements/cluster.txt pyproject.toml
	@echo "Setting up $(CLUSTER) (a minute or two, once) ..."
	@$(PYTHON) -m venv $(CLUSTER)
	@$(CLUSTER)/bin/python $(PIP) install --require-hashes -r requirements/cluster.txt
	@$(CLUSTER)/bin/python $(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(OPENVINO)/ready: requirements/openvino.txt pyproject.toml
	@echo "Setting up $(OPENVINO) (a minute or two, once) ..."
	@$(PYTHON) -m venv $(OPENVINO)
	@$(OPENVINO)/bin/python $(PIP) install --require-hashes -r requirements/openvino.txt
	@$(OPENVINO)/bin/python $(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

setup: $(VENV)/ready

demo: setup
	@$(BIN)/anonymize demo

test: lint unit contracts licences

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@rm -rf build/types && mkdir -p build/types/anonymize
	@ln -s $(CURDIR)/anonymize/* $(CURDIR)/cli $(CURDIR)/presets $(CURDIR)/samples build/types/anonymize/
	@ln -s $(CURDIR)/benchmarks $(CURDIR)/training $(CURDIR)/tests build/types/
	cd build/types && $(CURDIR)/$(BIN)/mypy --cache-dir ../mypy --config-file $(CURDIR)/pyproject.toml -p anonymize -p benchmarks -p training -p tests

#  A camera waits for nobody, and everything else does: tests of live go first, one after another on each two cores, and the
#  others get what these leave, of the same processor. What fails beside others is run once more alone.
CORES := $(shell $(PYTHON) -c 'import os; print(len(os.sched_getaffinity(0)))')
LIVE := tests/detect/test_own.py::test_live tests/detect/test_text.py::test_live_hides_text
AGAIN := build/unit-again
PYTEST = $(BIN)/pytest -o cache_dir=.pytest_cache/$(1) $(LIMIT)
unit: setup
	@rm -rf $(AGAIN) && mkdir -p $(AGAIN)
	@$(MAKE) --no-print-directory --jobs 2 unit-live unit-others
	@test ! -e $(AGAIN)/others || $(call PYTEST,others) tests --last-failed --last-failed-no-failures none
	@test ! -e $(AGAIN)/live || $(call PYTEST,live) tests --last-failed --last-failed-no-failures none

unit-live: setup
	@$(call PYTEST,live) -n $$(( ($(CORES) + 1) / 2 )) --dist loadfile tests/live $(LIVE) || touch $(AGAIN)/live

unit-others: setup
	@nice -n 5 $(call PYTEST,others) -n $(CORES) --dist loadfile --ignore tests/live $(LIVE:%=--deselect %) || touch $(AGAIN)/others

#  In every environment that is there: each has other packages.
licences: setup
	@for e in $(VENV) $(MEDIAPIPE) $(CLUSTER) $(OPENVINO); do \
		test ! -e $$e/ready || { echo "$$e: " && $$e/bin/python -m tests.helpers.licences; } || exit 1; done

contracts: $(MEDIAPIPE)/ready
	$(MEDIAPIPE)/bin/pytest tests/contracts

cluster-test: $(CLUSTER)/ready
	$(CLUSTER)/bin/pytest tests/batch/test_cluster.py tests/batch/test_cluster_network.py tests/storage/test_storage.py

#  What `make test` skips by name in tests/skips.toml, too.
test-all: test cluster-test contracts-openvino test-training page-test deploy-test

#  What TypeScript says of the pages' modules and axe-core of the pages, neither of which is kept.
page-test: setup
	npm install --no-save --no-package-lock --silent --prefix . typescript axe-core
	$(BIN)/pytest tests/review/test_types.py tests/live/test_control_room.py tests/live/test_webrtc_page.py -k 'types or left_out'

test-training: setup
	$(BIN)/python $(PIP) install 'pip>=25.1'
	$(BIN)/python $(PIP) install --group training
	$(BIN)/pytest tests/training tests/benchmarks/test_attack.py

#  What systemd and compose say of the files in deploy/. Debian has them: systemd, docker-compose, prometheus.
deploy-test: setup
	$(BIN)/pytest tests/live/test_deploy.py tests/live/test_alarms.py

contracts-openvino: $(OPENVINO)/ready
	DEVICE=openvino $(OPENVINO)/bin/pytest tests/contracts

bench: setup
	$(BIN)/python -m benchmarks faces
	$(BIN)/python -m benchmarks faces --lines 1080 --clips 4
	$(BIN)/python -m benchmarks faces --lines 2160 --clips 2
	$(BIN)/python -m benchmarks plates $(if $(PLATEDET),--platedet)
	$(BIN)/python -m benchmarks memory

bench-faces: setup
	$(BIN)/python -m benchmarks faces

bench-fixed: setup
	$(BIN)/python -m benchmarks fixed

bench-plates: setup
	$(BIN)/python -m benchmarks plates $(if $(PLATEDET),--platedet)

bench-memory: setup
	$(BIN)/python -m benchmarks memory

bench-live: setup
	$(BIN)/python -m benchmarks.live

bench-watch: setup
	$(BIN)/python -m benchmarks.watch

# Two cameras beside kills, files that are wrong and a full disk. As root also the full disk.
MINUTES ?= 60
soak: setup
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES)

soak-live: setup
	$(BIN)/python -m benchmarks.live --minutes 10

# Start and resume are one command; START (argus, or a run) and NET (small, large) count for a new run alone. PY needs what
# requirements/dev.txt and the dependency group `training` bring, and this checkout installed. Stop with kill -TERM and the number in WORK/RUN/pid: the step in progress is finished and saved.
WORK ?= build/training
RUN ?= second
PY ?= $(BIN)/python
START ?= argus
NET ?=
TRAIN ?= --steps 60000 --cooldown 20000 --rate 0.001 --batch 24 --sides 256,384,512 --drawn 0.35 --processes 1 --teacher argus
train:
	@test -n "$(DATA)" || { echo "make train DATA=FOLDER [WORK=FOLDER] [RUN=NAME] [START=RUN] [NET=large] [PY=PYTHON] [YUNET=FILE]"; exit 1; }
	@$(PY) -c 'import torch' || { echo "PyTorch is needed: pip install --group training"; exit 1; }
	$(if $(YUNET),nice -n 19 $(PY) -m training finds --data $(DATA) --work $(WORK) --yunet $(YUNET))
	test -e $(WORK)/labels.jsonl && test -z "$$(find $(WORK) -maxdepth 1 \( -name 'finds.*.jsonl' -o -name beliefs.jsonl \) -newer $(WORK)/labels.jsonl)" || \
		nice -n 19 $(PY) -m training labels --data $(DATA) --work $(WORK)
	OMP_NUM_THREADS=1 nice -n 19 $(if $(shell command -v ionice),ionice -c3) $(PY) -m training train --work $(WORK) --run $(RUN) \
		$(if $(START),--start $(START)) $(if $(NET),--net $(NET)) $(TRAIN) $(if $(shell grep -sE 'amx_bf16|avx512_bf16' /proc/cpuinfo),--bf16,--fp32)

train-dev:
	@test -n "$(DATA)" || { echo "make train-dev DATA=FOLDER [WORK=FOLDER] [RUN=NAME] [PY=PYTHON]"; exit 1; }
	$(PY) -m training dev --run $(RUN) --data $(DATA) --work $(WORK)

formats: setup
	$(BIN)/python -m tests.helpers.formats

options: setup
	$(BIN)/python -m tests.helpers.options
	$(BIN)/python -m tests.helpers.keys

#  The picture of docs/live.md, of cameras and people that are drawn.
control-room-pictures: setup
	$(BIN)/python -m tests.helpers.control_room_pictures

#  The pictures of docs/review.md: the sample film is made, looked through, and reviewed in Chromium (a minute).
review-pictures: setup
	$(BIN)/python -m tests.helpers.review_pictures

kill-test: setup
	$(BIN)/python -m benchmarks.kill
	KILLS=50 $(BIN)/pytest tests/review/test_session.py -k killed $(LIMIT)

mutants: setup
	test -e build/mutants/entered.json || $(BIN)/python -m benchmarks.mutants record
	$(BIN)/python -m benchmarks.mutants run $(MUTANTS)

fuzz: setup
	$(BIN)/python -m benchmarks.fuzz $(FUZZ)

COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	--constraint requirements/constraints.txt --python-version 3.11
LOCK := $(COMPILE) pyproject.toml
bench-gate: setup
	rm -rf build/bench/gate && mkdir -p build/bench/gate
	$(BIN)/python -m benchmarks faces --deface none --no-blurry --output build/bench/gate
	$(BIN)/python -m benchmarks gate build/bench/gate/results.json

bench-gate-short: setup
	rm -rf build/bench/gate-short && mkdir -p build/bench/gate-short
	$(BIN)/python -m benchmarks short --output build/bench/gate-short
	$(BIN)/python -m benchmarks gate build/bench/gate-short/results.json

bench-planted: setup
	$(BIN)/python -m benchmarks.planted $(if $(CLIPS),--clips $(CLIPS))

bench-attack: setup
	$(BIN)/python $(PIP) install 'pip>=25.1'
	$(BIN)/python $(PIP) install --group training
	$(BIN)/python -m benchmarks.attack

lock:
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python $(PIP) install uv; }
	$(COMPILE) --group build -o requirements/build.txt
	$(LOCK) -o requirements/run.txt
	$(LOCK) --group dev -o requirements/dev.txt
	$(COMPILE) --no-deps --group text -o requirements/text.txt
	$(LOCK) --extra mediapipe --group contracts -o requirements/mediapipe.txt
	$(LOCK) --extra cluster --group cluster -o requirements/cluster.txt
	$(LOCK) --group openvino --excludes requirements/openvino.excludes.txt -o requirements/openvino.txt

clean:
	rm -rf $(VENV) $(MEDIAPIPE) $(OPENVINO) $(CLUSTER) build dist demo *.egg-info
