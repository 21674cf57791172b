# make app: install and start the dashboard. make test: install the test dependencies and run all tests and checks.
PYTHON ?= python3
VENV = .venv
UV = 0.13.9  # installs in half the time of pip
BIN = $(VENV)/bin
COMPILE = $(BIN)/python -c "from personality.preprocessing.compiled_librosa import load_librosa; load_librosa()"
WORK ?= workspace/demo
CLIP ?= demo/sample.mp4

.PHONY: app test coverage lint docs translations bench browser speech demo figures real-figures screenshots trials fuzz gpu

# PUBLIC=1: for visitors you do not know; docs/serving.md has the other requirements.
app: $(VENV)/app.done
	PERSONALITY_PUBLIC=$(PUBLIC) $(BIN)/streamlit run app.py

test: $(VENV)/test.done browser speech lint
	$(BIN)/python -m pytest

# The share of lines that the tests run, also in processes that they start.
coverage: $(VENV)/test.done browser speech
	$(BIN)/python -m pytest --cov --cov-report=term

lint: $(VENV)/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Debian and Ubuntu package Chromium; on other systems, install it yourself and set CHROMIUM to its path.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || test -n "$$CHROMIUM" || \
	 ! command -v apt-get >/dev/null || (apt-get update -q && apt-get install -y -q chromium) || \
	 echo "no Chromium: the browser tests will be skipped"

# The speech tests synthesise English, French, German and Spanish.
speech:
	@command -v espeak-ng >/dev/null || ! command -v apt-get >/dev/null || \
	 (apt-get update -q && apt-get install -y -q espeak-ng) || echo "no espeak-ng: the speech tests will be skipped"

# Recreates everything in demo/; requires flite (apt-get install flite). PORTRAITS=FOLDER (One Million Impressions) also
# builds the face model, and trains the visual model on the rated portraits too. FER2013=FOLDER also trains the emotion
# network, which takes an hour. Without them, the included face model and emotion network are used.
EXTRA = $(if $(PORTRAITS),--extra-cache $(WORK)/portraits-cache)
VISUAL = --batch 16 --stage 30:head:1e-3:2 --stage 4:all:3e-4:1 $(EXTRA)
demo: $(VENV)/test.done
	rm -rf $(WORK)
	test -z "$(PORTRAITS)" || $(BIN)/python -m training face-model $(PORTRAITS)
	test -z "$(FER2013)" || $(BIN)/python -m training emotion $(FER2013)
	$(BIN)/python -m personality synthesize $(WORK)/people --people 200 --seed 0
	$(BIN)/python -m personality preprocess $(WORK)/people --out $(WORK)/cache
	test -z "$(PORTRAITS)" || $(BIN)/python -m training rated-portraits $(PORTRAITS) $(WORK)/people $(WORK)/portraits
	test -z "$(PORTRAITS)" || $(BIN)/python -m personality preprocess $(WORK)/portraits --out $(WORK)/portraits-cache
	$(BIN)/python -m training run $(WORK)/cache --modality audio --preset modern --out $(WORK)/runs
	$(BIN)/python -m training run $(WORK)/cache --modality visual --preset modern $(VISUAL) --out $(WORK)/runs
	for modality in audiovisual handcrafted; do \
	 $(BIN)/python -m training run $(WORK)/cache --modality $$modality --preset modern --out $(WORK)/runs || exit 1; done
	$(BIN)/python -m personality evaluate $(WORK)/runs/audio $(WORK)/runs/visual $(WORK)/runs/audiovisual \
	 $(WORK)/runs/handcrafted --cache $(WORK)/cache --split test --out $(WORK)/predictions.parquet
	$(BIN)/python -m training publish-demo $(WORK) demo $(if $(PORTRAITS),--portraits $(PORTRAITS))
	$(BIN)/python -m personality predict demo/sample_speech.mp4 --json > demo/sample_prediction.json
	$(BIN)/python -m benchmarks.tutorial

# The included figures on real people, from First Impressions' labels and predictions for its validation split; takes
# minutes. docs/analysis.md explains the variables.
FIGURES = $(WORK)/real-figures
IMPORT = $(BIN)/python -m personality import-predictions --dataset $(FIRST_IMPRESSIONS) --split validation
real-figures: $(VENV)/test.done
	$(IMPORT) $(WINNERS)/validation_face.csv --model "BU-NKU 2017 face" --out $(FIGURES)/face.parquet
	$(IMPORT) $(WINNERS)/validation_audio_scene.csv --model "BU-NKU 2017 audio + scene" --out $(FIGURES)/audio.parquet
	$(BIN)/python -m personality join $(FIGURES)/face.parquet $(FIGURES)/audio.parquet --mean "BU-NKU 2017 mean" \
	 --out $(FIGURES)/winners.parquet
	$(IMPORT) $(ENCODERS) --model "frozen encoders 2026" --out $(FIGURES)/encoders.parquet
	$(BIN)/python -m training real-figures $(SHIPPED) $(FIGURES)/winners.parquet $(FIGURES)/encoders.parquet

# Most figures of BENCHMARKS.md. CLIP: the video to predict. Training is timed only if `make demo` left its cache.
bench: $(VENV)/test.done
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.analysis
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.pages 2>/dev/null
	$(BIN)/python -m benchmarks.predict $(CLIP)
	$(BIN)/python -m benchmarks.load $(CLIP)
	test ! -d $(WORK)/cache || $(BIN)/python -m benchmarks.training $(WORK)/cache --turns 3

# The figures of BENCHMARKS.md that require a CUDA GPU; without one it says so. CACHE: that of `make demo` by default.
CACHE ?= $(WORK)/cache
gpu: $(VENV)/test.done
	@if $(BIN)/python -c "import sys, torch; sys.exit(not torch.cuda.is_available())"; then \
	 $(BIN)/python -m benchmarks.gpu && \
	 { test ! -d $(CACHE) || $(BIN)/python -m benchmarks.training $(CACHE) --preset modern --batch 32 --clips 256; } && \
	 $(BIN)/python -m benchmarks.predict $(CLIP); \
	 else echo "PyTorch found no CUDA GPU; nothing was measured."; fi

# The tables of docs/tutorial.md, from the included predictions.
figures: $(VENV)/test.done
	$(BIN)/python -m benchmarks.tutorial

# The complete reliability trials, a part of which runs with the tests; writes the outcomes into docs/reliability.md.
trials: $(VENV)/test.done
	PERSONALITY_TRIALS=full $(BIN)/python -m pytest tests/hostile tests/browser/test_accessibility.py -n 0 -m ""
	$(BIN)/python -m pytest --ignore tests/hostile -n 0 -m trial

# Fuzzing, ten minutes per target; findings are written to workspace/fuzz.
fuzz: $(VENV)/test.done
	$(BIN)/pip install -q atheris==3.0.0
	mkdir -p workspace/fuzz
	for target in annotations probe tables torch7; do $(BIN)/python -m tests.fuzz.$$target workspace/fuzz/$$target -max_total_time=600 \
	 -timeout=20 -rss_limit_mb=2048 -artifact_prefix=workspace/fuzz/$$target- || exit 1; done

# Generates docs/architecture.md from the code, and the API reference of `import personality` in site/.
docs: $(VENV)/test.done
	$(BIN)/python docs/architecture.py
	$(BIN)/pdoc personality --docformat numpy --no-include-undocumented -o site

# Updates and compiles the translations of the pages. LANGUAGE=fr: begins those of another language.
translations: $(VENV)/test.done
	$(BIN)/python -m docs.translations $(LANGUAGE)

# Every page, light and dark, wide and narrow, to look at; those of the README are copied into docs/.
screenshots: $(VENV)/test.done
	$(BIN)/python -m tests.browser.screenshots workspace/screenshots
	cp workspace/screenshots/readme*.webp docs/screenshots

$(VENV)/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is required: make PYTHON=python3.11')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q uv==$(UV)

$(VENV)/app.done: requirements.txt | $(VENV)/bin/python
	$(BIN)/uv pip install -q --python $(BIN)/python -r requirements.txt
	$(COMPILE)  # so that no visitor waits for it
	touch $@

# --compile-bytecode, for environments that set PYTHONDONTWRITEBYTECODE: without it, every process that the tests start
# compiles PyTorch again.
$(VENV)/test.done: requirements-test.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python -r requirements-test.txt
	$(COMPILE)
	touch $@
