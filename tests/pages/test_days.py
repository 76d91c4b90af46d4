"""The account's days: a plot of the API calls, and the same as a table."""

from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from flask import Flask

from billing import clock
from billing.database import db
from billing.entitlements import UsageDay, increment_usage, latest_days
from billing.entitlements.windows import day_of
from billing.models import Metric, User, UserUsageDay
from billing.pages import words
from billing.pages.plot import HEIGHT, plotted
from tests.pages.conftest import Surfer, text_of
from tests.support.factories import a_plan, a_user, saved

FIRST = date(2026, 9, 1)


@pytest.fixture
def user(app: Flask, surfer: Surfer) -> User:
    """The user at the browser."""
    a_plan("free")
    surfer.register()
    return db.session.scalars(db.select(User)).one()


def ago(days: int) -> date:
    return day_of(clock.utc_now()) - timedelta(days=days)


def called(user: User, day: date, calls: int) -> None:
    saved(UserUsageDay(user_id=user.id, day=day, api_calls=calls))


def bars(page: str) -> list[ElementTree.Element]:
    """The bars of the page's plot, which is well-formed by itself."""
    start, end = page.index("<svg"), page.index("</svg>") + len("</svg>")
    return list(ElementTree.fromstring(page[start:end]))  # noqa: S314 - our own page


def test_the_last_ninety_days_are_read_and_no_older_ones(user: User) -> None:
    called(user, ago(0), 3)
    called(user, ago(89), 5)
    called(user, ago(90), 7)
    called(a_user(), ago(1), 11)

    days = latest_days(user.id)

    assert len(days) == 90
    assert [(one.day, one.calls) for one in days if one.calls] == [(ago(89), 5), (ago(0), 3)]


def test_each_day_with_calls_is_a_bar_and_a_row(user: User, surfer: Surfer) -> None:
    called(user, ago(40), 1_200)
    called(user, ago(2), 600)

    page = surfer.look("/account")

    high, half = bars(page.text)
    assert (high.attrib["height"], half.attrib["height"]) == ("100.0", "50.0")
    assert float(high.attrib["x"]) < float(half.attrib["x"])
    assert f"{words.day(ago(40))} 1,200".replace("\xa0", " ") in text_of(page)
    assert "1,800 in 90 days, most on" in text_of(page)


def test_what_is_counted_today_is_the_last_bar(user: User, surfer: Surfer) -> None:
    increment_usage(user.id, Metric.API_CALLS, 4)

    page = surfer.look("/account").text

    (bar,) = bars(page)
    assert float(bar.attrib["x"]) + float(bar.attrib["width"]) > 890
    assert "today" in page


def test_without_a_call_there_is_a_sentence_and_no_plot(user: User, surfer: Surfer) -> None:
    page = surfer.look("/account")

    assert "None in the last 90 days." in text_of(page)
    assert "<svg" not in page.text


def test_nothing_on_the_page_needs_more_than_its_policy_allows(user: User, surfer: Surfer) -> None:
    called(user, ago(1), 1)

    page = surfer.look("/account")

    assert "style=" not in page.text
    assert "<style" not in page.text
    assert "unsafe-inline" not in page.headers["Content-Security-Policy"]


def test_one_call_beside_a_million_is_still_seen() -> None:
    plot = plotted([UsageDay(FIRST, 1), UsageDay(FIRST + timedelta(days=1), 10**6)])

    small, large = plot.bars

    assert (small.height, small.y + small.height) == (1, HEIGHT)
    assert (large.height, large.y) == (HEIGHT, 0)
