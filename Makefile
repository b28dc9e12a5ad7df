# make demo: train, evaluate and explain on the bundled sample, from nothing.
# make test: run the tests in two processes (PROCESSES=1: in one; each takes up to 3 GB of memory).
# make docs: build the documentation as a site in build/site; make notebooks: write and run notebooks/;
# make packages: build and check the sdist and the wheel.
# All of them make .venv first; PYTHON=... picks an interpreter.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PROCESSES := 2
SENTENCE := 가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집

.PHONY: demo test lint docs notebooks packages clean

demo: $(READY)
	$(BIN)/gluonattn train --data sample --out demo/model
	$(BIN)/gluonattn evaluate --model demo/model --data sample
	$(BIN)/gluonattn explain --model demo/model "$(SENTENCE)" --colours full --out demo/overlay.png \
		--out demo/page.html --out demo/explained.txt --out demo/record.npz
	$(BIN)/gluonattn explain --model demo/model "$(SENTENCE)" --view heatmap --out demo/heatmap.png >/dev/null
	@echo; echo "The same sentence, read by the bundled model (trained on NSMC and the rest of its crawl):"
	$(BIN)/gluonattn explain "$(SENTENCE)" --colours full
	@echo; echo "The model trained on 944 reviews is right about three times out of four; the bundled one is right on 89 of 100 reviews of NSMC."
	@echo "model      demo/model/          (config.json, vocab.json, model.safetensors, history.json)"
	@echo "pictures   demo/overlay.png, demo/heatmap.png"
	@echo "page       demo/page.html   (open it in a browser: it needs no network)"
	@echo "next       $(BIN)/gluonattn explain --model demo/model \"아무 문장이나 써 보세요\""

test: $(READY)
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile

lint: $(READY)
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[lint]"
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	@if command -v npm >/dev/null; then scripts/lint_page.sh; \
	else echo "no npm here: the page's scripts and styles are not linted"; fi

docs: $(READY)
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[docs]"
	$(BIN)/python scripts/site_pages.py build/site-pages >/dev/null
	GLUONATTN_SITE_PAGES=$(CURDIR)/build/site-pages $(BIN)/python -m sphinx -W --keep-going -q -b html -d build/doctrees docs build/site
	@echo "site       build/site/index.html"

notebooks: $(READY)
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[cpu,huggingface,notebooks]"
	$(BIN)/python scripts/notebooks.py
	mkdir -p build/notebooks && cp notebooks/*.ipynb build/notebooks
	cd build/notebooks && $(CURDIR)/$(BIN)/python -m nbconvert --to notebook --execute --inplace *.ipynb

packages: $(READY)
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[packages]"
	rm -rf dist && $(BIN)/python -m build -o dist .
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl
	$(BIN)/validate-pyproject pyproject.toml
	$(BIN)/pyroma -n 8 dist/*.tar.gz
	mkdir -p build && $(BIN)/cyclonedx-py environment --output-reproducible -o build/sbom.cdx.json $(BIN)/python
	@ls -l dist

$(READY): setup.py constraints.txt scripts/find_python.sh
	@python=$$(scripts/find_python.sh "$(PYTHON)") && \
	echo "making $(VENV) with $$python (packages: about 200 MB, one or two minutes)" && \
	rm -rf $(VENV) && "$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --prefer-binary -c constraints.txt \
		"setuptools" wheel && \
	$(BIN)/python -m pip install -q --disable-pip-version-check --prefer-binary -c constraints.txt \
		-e ".[cpu,test]"
	@touch $(READY)

clean:
	rm -rf $(VENV) demo build *.egg-info
