"""The house rules that can be checked by reading the source."""

import ast
import re

import pytest

from tests.support.source import (
    ALL,
    ROOT,
    Source,
    calling,
    hidden_imports,
    lines_with,
    matching,
    naming,
    offences,
    product,
    relative_imports,
    silent_public_definitions,
    sources,
)

LAYERS = [
    {"database", "clock", "errors", "settings", "extensions", "logs", "request_ids", "service"},
    {"stripe_api", "models"},
    {
        "sales",
        "catalog",
        "entitlements",
        "metering",
        "stripe_sync",
        "identity",
        "operations",
        "web",
    },
    {"api", "pages", "console", "commands"},
]
LEVEL = {folder: level for level, layer in enumerate(LAYERS) for folder in layer}
WORDS_THAT_SAY_NOTHING = {"utils", "helpers", "common", "services", "base", "misc", "manager"}
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}
LONGEST_FILE = 350


def test_every_folder_of_the_service_has_its_place_in_the_order() -> None:
    known = set(LEVEL) | {"emulator", ""}

    assert {folder_of(source) for source in sources("billing")} - known == set()


def test_imports_point_one_way() -> None:
    upward = [
        f"{source.name} imports {name}"
        for source in sources("billing")
        for name in source.imports()
        if level_of(source) < LEVEL.get(folder_named(name), -1)
    ]

    assert upward == []


def test_the_emulator_knows_nothing_of_the_service_but_its_clock() -> None:
    allowed = ("billing.clock", "billing.emulator")
    foreign = [
        f"{source.name} imports {name}"
        for source in sources("billing")
        if folder_of(source) == "emulator"
        for name in source.imports()
        if name.startswith("billing.") and not under(name, allowed) and name != "billing.clock"
    ]

    assert foreign == []


def test_only_stripe_api_and_the_emulator_import_stripe() -> None:
    importers = {
        folder_of(source)
        for source in product()
        for name in source.imports()
        if under(name, ("stripe",))
    }

    assert importers <= {"stripe_api", "emulator"}


def test_only_config_reads_the_environment() -> None:
    readers = offences(product(), lambda source: naming(source, "os.environ", "os.getenv"))

    assert [place for place in readers if not place.startswith("config.py:")] == []


def test_only_database_commits() -> None:
    commits = offences(
        product(),
        lambda source: calling(source, r"(.*\.)?(session|connection|transaction)\.commit"),
    )

    assert [place for place in commits if not place.startswith("billing/database/")] == []


def test_only_clock_reads_the_time() -> None:
    readers = offences(product(), lambda source: naming(source, *CLOCKS))

    assert [place for place in readers if not place.startswith("billing/clock.py:")] == []


def test_no_model_is_asked_by_its_query_attribute() -> None:
    asked = offences(sources(*ALL), lambda source: matching(source, r"[A-Z]\w+\.query"))

    assert asked == []


def test_no_file_is_named_for_nothing() -> None:
    assert [one.name for one in sources(*ALL) if one.path.stem in WORDS_THAT_SAY_NOTHING] == []


def test_every_module_says_what_it_answers() -> None:
    silent = [one.name for one in sources(*ALL) if one.text and not ast.get_docstring(one.tree)]

    assert silent == []


def test_every_public_function_and_class_of_the_service_says_what_it_promises() -> None:
    assert offences(product(), silent_public_definitions) == []


def test_no_file_of_the_service_is_longer_than_one_can_hold_in_mind() -> None:
    assert [one.name for one in product() if len(one.lines) > LONGEST_FILE] == []


def test_imports_are_absolute() -> None:
    assert offences(sources(*ALL), relative_imports) == []


def test_an_import_inside_a_function_gives_its_reason() -> None:
    assert offences(product(), hidden_imports) == []


@pytest.mark.parametrize("mark", ["type: ignore", "noqa"])
def test_an_exception_to_a_check_gives_its_reason(mark: str) -> None:
    bare = re.compile(rf"# {mark}(\[[\w, -]+\]|: [A-Z]+\d+(, ?[A-Z]+\d+)*)?\s*$")

    assert lines_with(bare) == []


def test_nothing_is_left_for_later() -> None:
    later = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "NotImplemented" + "Error"]))

    assert lines_with(later) == []


def test_no_test_is_switched_off_and_none_replaces_our_own_code() -> None:
    forbidden = re.compile(r"mark\.(skip|xfail)\b|(patch|setattr)\(\s*[\"']" + r"billing\.")

    assert lines_with(forbidden) == []


def test_continuous_integration_runs_what_a_developer_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text().splitlines()

    assert script[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in script
    assert script[-1] == "make test"


def folder_of(source: Source) -> str:
    """The stage of the flow to which a file belongs; '' for the wiring at the top."""
    parts = source.path.relative_to(ROOT).with_suffix("").parts
    return folder_named(".".join(part for part in parts if part != "__init__"))


def folder_named(module: str) -> str:
    """`billing.api.auth` -> `api`; '' for what is not of the service."""
    parts = module.split(".")
    return parts[1] if parts[0] == "billing" and len(parts) > 1 else ""


def level_of(source: Source) -> int:
    """How high the file stands: the wiring above all, the emulator outside."""
    return LEVEL.get(folder_of(source), len(LAYERS))


def under(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)
