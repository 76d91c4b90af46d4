"""What every page has: a strict policy, a language, labels, a way past the menu, no cache."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from flask import Flask

from billing import create_app
from billing.database import db
from config import STRIPE_API, Config
from tests.pages.conftest import Surfer, text_of
from tests.support.factories import a_plan, a_price
from tests.support.source import ROOT

PAGES = ["/pricing", "/signin", "/register", "/account", "/account/cancel", "/checkout?plan=pro"]


@pytest.fixture(autouse=True)
def _plans(app: Flask) -> None:
    a_plan("free")
    a_price(a_plan("pro"), unit_amount=2900)


@pytest.fixture
def pages(surfer: Surfer) -> dict[str, str]:
    """Every page as a signed-in visitor sees it; the first two as a stranger does."""
    seen = {path: surfer.look(path).text for path in ("/signin", "/register")}
    surfer.register()
    return seen | {path: surfer.look(path).text for path in PAGES if path not in seen}


class Outline(HTMLParser):
    """The names of the fields that are typed in, and what is labelled."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.typed: set[str] = set()
        self.labelled: set[str] = set()
        self.ids: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: value or "" for name, value in attrs}
        self.ids += [held["id"]] if "id" in held else []
        if tag == "label":
            self.labelled.add(held["for"])
        if tag in {"input", "select"} and held.get("type") != "hidden":
            self.typed.add(held["id"])


@pytest.mark.parametrize("path", [*PAGES, "/checkout/state", "/account/nowhere"])
def test_nothing_inline_and_nobody_else_is_allowed(surfer: Surfer, path: str) -> None:
    surfer.register()

    answer = surfer.look(path)

    policy = answer.headers.get("Content-Security-Policy", "default-src 'self'")
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert not re.search(r"<style|<script(?![^>]* src=\"/static/)| style=| on\w+=", answer.text)


def test_forms_lead_to_us_and_to_the_pages_of_stripe(config: Config) -> None:
    app = create_app(replace(config, stripe_api_base=STRIPE_API))
    with app.app_context():
        a_plan("free")
        policy = app.test_client().get("/pricing").headers["Content-Security-Policy"]
        db.session.remove()
        db.engine.dispose()

    assert "form-action 'self' https://checkout.stripe.com https://billing.stripe.com;" in policy


def test_no_page_is_kept_by_a_cache(surfer: Surfer) -> None:
    surfer.register()

    kept = {path: surfer.look(path).headers["Cache-Control"] for path in PAGES}

    assert kept == dict.fromkeys(PAGES, "no-store")


def test_every_page_has_a_language_a_title_one_heading_and_a_way_past_the_menu(
    pages: dict[str, str],
) -> None:
    for path, page in pages.items():
        assert '<html lang="en">' in page, path
        assert re.search(r"<title>\w.* · Billing</title>", page), path
        assert page.count("<h1>") == 1, path
        assert page.index('class="skip" href="#content"') < page.index("<nav"), path
        assert '<main id="content"' in page, path


def test_every_field_has_a_label_and_every_id_is_one_of_a_kind(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        outline = Outline(page)
        assert outline.typed <= outline.labelled, path
        assert len(outline.ids) == len(set(outline.ids)), path


def test_what_is_named_by_an_aria_attribute_is_there(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        named = re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', page)
        wanted = {one for names in named for one in names.split()}
        assert wanted <= set(Outline(page).ids), path


def test_what_is_typed_is_shown_as_text(surfer: Surfer) -> None:
    surfer.look("/signin")

    answer = surfer.press("/signin", email='"><script>alert(1)</script>', password="x")

    assert "<script>alert" not in answer.text


def test_an_error_is_a_page_in_plain_words(surfer: Surfer) -> None:
    surfer.register()

    answer = surfer.look("/checkout?plan=gold")

    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "There is no plan 'gold'." in text_of(answer).replace("&#39;", "'")


COLOURS = dict(
    re.findall(
        r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\)",
        (ROOT / "billing" / "static" / "pages.css").read_text(),
    )
)


def contrast(one: str, other: str) -> float:
    """How far two colours are apart: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    dark, light = sorted(brightness(colour) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def brightness(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "paper", "least"),
    [
        *((ink, paper, 4.5) for ink in ("text", "quiet", "accent") for paper in ("back", "card")),
        ("good", "card", 4.5),
        ("wrong", "card", 4.5),
        ("wrong", "wrong-tint", 4.5),
        ("accent", "tint", 4.5),
        ("text", "tint", 4.5),
        ("on-accent", "accent", 4.5),
        ("edge", "card", 3.0),
    ],
)
def test_everything_can_be_told_from_what_it_lies_on(
    ink: str, paper: str, least: float, mode: int
) -> None:
    colours = [COLOURS[name].split(", ")[mode] for name in (ink, paper)]

    assert contrast(*colours) >= least
