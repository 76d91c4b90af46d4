"""The document and the page made of it: valid, complete, true, loading nothing from elsewhere."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support.requests import Client

UNDESCRIBED = {"static", "openapi.show", "docs.page"}


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_route_is_described(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in UNDESCRIBED and not rule.endpoint.startswith("pages.")
    }

    assert set(document["paths"]) == routes


def test_what_needs_a_token_says_so_and_answers_401_without(
    client: Client, document: dict[str, Any]
) -> None:
    answered = {}
    for method, path, _ in operations(document):
        answer = client.open(re.sub(r"\{\w+\}", "any", path), method=method.upper())
        answered[method, path] = answer.status_code == 401 and answer.json["code"]

    told = {
        (method, path): operation.get("security") != [] and "token_missing"
        for method, path, operation in operations(document)
    }
    assert answered == told


def test_every_error_is_described_as_problem_json(document: dict[str, Any]) -> None:
    described = [
        list(answer["content"])
        for _, _, operation in operations(document)
        for status, answer in operation["responses"].items()
        if status >= "400"
    ]

    assert described == [["application/problem+json"]] * len(described)
    assert len(described) > 10


def test_no_schema_is_written_twice(document: dict[str, Any]) -> None:
    assert [name for name in document["components"]["schemas"] if name[-1].isdigit()] == []


def test_the_server_is_the_configured_one_whatever_the_host_header_says(client: Client) -> None:
    document = client.get("/openapi.json", headers={"Host": "evil.example"}).json

    assert document["servers"] == [{"url": "http://127.0.0.1:5000"}]


def test_the_page_shows_every_operation_and_schema(
    client: Client, document: dict[str, Any]
) -> None:
    page = client.get("/docs").text

    for _, path, operation in operations(document):
        assert f'id="{operation["operationId"]}"' in page
        assert f"<code>{path}</code>" in page
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in page


def test_every_link_within_the_page_leads_somewhere(client: Client) -> None:
    page = client.get("/docs").text

    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


class Loads(HTMLParser):
    """What a page makes a browser load, and what it holds that a strict policy forbids."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        names = ("src", "srcset", "href", "action", "formaction", "data", "poster")
        self.addresses += [value for name in names if (value := held.get(name))]
        self.inline += [name for name in held if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in held):
            self.inline.append(tag)


def pages(app: Flask, client: Client) -> dict[str, Any]:
    """Every HTML page that needs no argument."""
    paths = [rule.rule for rule in app.url_map.iter_rules() if not rule.arguments]
    answers = {path: client.get(path) for path in paths}
    return {path: answer for path, answer in answers.items() if answer.mimetype == "text/html"}


def test_no_page_holds_a_foreign_origin_or_anything_inline(app: Flask, client: Client) -> None:
    found = pages(app, client)

    assert "/docs" in found
    for path, answer in found.items():
        loads = Loads(answer.text)
        assert loads.inline == [], path
        assert [one for one in loads.addresses if not re.match(r"[/#](?!/)", one)] == [], path


def test_no_style_sheet_loads_from_elsewhere(app: Flask, client: Client) -> None:
    sheets = {
        address
        for answer in pages(app, client).values()
        for address in Loads(answer.text).addresses
        if address.startswith("/static/")
    }

    assert "/static/docs.css" in sheets
    for sheet in sheets:
        answer = client.get(sheet)
        assert answer.status_code == 200
        assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org/)", answer.text)
        answer.close()


def test_every_page_forbids_foreign_origins_and_inline_scripts(app: Flask, client: Client) -> None:
    for path, answer in pages(app, client).items():
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy, path
        assert "unsafe-inline" not in policy, path
