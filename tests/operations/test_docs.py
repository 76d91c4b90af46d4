"""Does docs/operating.md tell of every line that can stand in the log?"""

import ast
import re
from collections.abc import Iterator

from tests.support.source import ROOT, Source, calling, product

DOCUMENT = ROOT / "docs" / "operating.md"
LOGGING = r"log\.(info|warning|error|exception|critical)"


def beginnings(source: Source) -> Iterator[str]:
    """The first words of each line that this file may log."""
    for call in calling(source, LOGGING):
        assert isinstance(call, ast.Call)
        [text] = [value.value for value in call.args[:1] if isinstance(value, ast.Constant)]
        found = re.match(r"\w+( \w+)?", str(text))
        assert found
        yield found[0]


def test_every_line_of_the_log_is_explained() -> None:
    explained = DOCUMENT.read_text()
    told = {
        (source.name, words)
        for source in product()
        if not source.name.startswith("billing/emulator/")
        for words in beginnings(source)
    }

    assert len(told) > 10
    assert {(name, words) for name, words in told if f"`{words}" not in explained} == set()
