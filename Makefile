# What a developer does here. Nothing is needed but make and a Python from 3.11 to 3.14.
#
#   make run     the service and the Stripe emulator, with data under instance/  (PORT=5000)
#   make test    format, lint, types, migrations, all tests, on SQLite and a real PostgreSQL
#   make check   the same without the slow tests
#   make long    the tests that take minutes: from a fresh clone to a purchase
#   make check-stripe   does Stripe's test mode do what the emulator does? STRIPE_SECRET_KEY=sk_test_...
#   make clean   remove the virtual environment and the caches; instance/ keeps its data
#
# PYTHON=python3.12 chooses the interpreter.

PYTHON ?= python3
PORT ?= 5000
export PORT

BIN := .venv/bin
RUFF := $(BIN)/ruff --quiet
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

# What a shell may hold that would change what the tools do.
unexport PYTHONPATH PYTHONHOME PYTHONWARNINGS PYTHONOPTIMIZE PYTEST_ADDOPTS PYTEST_PLUGINS
unexport FLASK_APP FLASK_DEBUG FLASK_ENV VIRTUAL_ENV

.PHONY: run test check long check-stripe clean python lint

run: python
	@$(PYTHON) scripts/install.py requirements.txt
	@$(BIN)/python scripts/run.py

test: lint
	$(PYTEST) -m "not long"

check: lint
	$(PYTEST) -m "not long and not slow"

long: lint
	$(PYTEST) -m long

check-stripe: python
	@$(PYTHON) scripts/install.py requirements.txt
	@$(BIN)/python -m scripts.check_stripe

lint: python
	@$(PYTHON) scripts/install.py requirements-dev.txt
	$(RUFF) format --check .
	$(RUFF) check .
	$(BIN)/mypy

python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON) here. Install Python 3.11 to 3.14, or: make PYTHON=..." >&2; \
		exit 1; }

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
