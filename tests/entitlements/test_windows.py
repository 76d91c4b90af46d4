"""Windows are laid from the anchor: inside Stripe's period, with no gap and no overlap."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.catalog.terms import Plan
from billing.entitlements.access import Access, Reason, Subscription
from billing.entitlements.windows import Interval, Window, monthly_window, months_after

SECOND = timedelta(seconds=1)
PRO = Plan(UUID(int=1), "pro", "Pro", "", 10, frozenset(), Decimal(1), {}, {})
FIRST, LAST = map(datetime.fromisoformat, ("1999-01-01", "2120-01-01"))
moments = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(window: Window) -> tuple[str, str]:
    return window.start.isoformat(" ")[:16], window.end.isoformat(" ")[:16]


def paid(start: str, end: str, anchor: str | None = None, interval: str = "month") -> Access:
    subscription = Subscription(
        id=UUID(int=1),
        stripe_subscription_id="sub_1",
        status="active",
        plan=PRO,
        held_plan=PRO,
        as_of=at(start),
        confirmed=True,
        interval=interval,
        current_period_start=at(start),
        current_period_end=at(end),
        billing_cycle_anchor=at(anchor or start),
    )
    return Access(PRO, subscription, Reason.ACTIVE)


@pytest.mark.parametrize(
    ("anchor", "moment", "start", "end"),
    [
        ("2026-01-15 10:30", "2026-01-15 10:30", "2026-01-15 10:30", "2026-02-15 10:30"),
        ("2026-01-15 10:30", "2026-02-15 10:29", "2026-01-15 10:30", "2026-02-15 10:30"),
        ("2026-01-15 10:30", "2026-02-15 10:30", "2026-02-15 10:30", "2026-03-15 10:30"),
        ("2026-01-15 10:30", "2025-12-20 00:00", "2025-12-15 10:30", "2026-01-15 10:30"),
        ("2026-01-31", "2026-02-10", "2026-01-31 00:00", "2026-02-28 00:00"),
        ("2026-01-31", "2026-02-28", "2026-02-28 00:00", "2026-03-31 00:00"),
        ("2026-01-31", "2026-04-15", "2026-03-31 00:00", "2026-04-30 00:00"),
        ("2028-01-31", "2028-02-29", "2028-02-29 00:00", "2028-03-31 00:00"),
        ("2028-01-30", "2028-02-28", "2028-01-30 00:00", "2028-02-29 00:00"),
        ("2028-02-29", "2029-02-28", "2029-02-28 00:00", "2029-03-29 00:00"),
        ("2026-01-29", "2026-03-01", "2026-02-28 00:00", "2026-03-29 00:00"),
        ("2025-12-31", "2026-01-01", "2025-12-31 00:00", "2026-01-31 00:00"),
    ],
)
def test_a_month_is_counted_from_the_anchor(anchor: str, moment: str, start: str, end: str):
    window = Window.around(at(anchor), Interval.MONTH, at(moment))

    assert span(window) == (start.ljust(16), end)


def test_a_day_is_the_utc_day_whatever_the_anchor():
    window = Window.around(at("2026-01-15 10:30"), Interval.DAY, at("2026-03-01 23:59:59"))

    assert span(window) == ("2026-03-01 00:00", "2026-03-02 00:00")


def test_a_moment_in_another_time_zone_falls_in_its_utc_day():
    moment = datetime.fromisoformat("2026-03-02T01:30:00+02:00")

    assert span(Window.around(moment, Interval.DAY, moment))[0] == "2026-03-01 00:00"


@given(anchor=moments, moment=moments)
def test_the_window_always_holds_the_moment(anchor: datetime, moment: datetime):
    window = Window.around(anchor, Interval.MONTH, moment)

    assert window.start <= moment < window.end


@given(anchor=moments, moment=moments)
def test_windows_lie_end_to_end(anchor: datetime, moment: datetime):
    window = Window.around(anchor, Interval.MONTH, moment)

    after = Window.around(anchor, Interval.MONTH, window.end)
    before = Window.around(anchor, Interval.MONTH, window.start - SECOND)

    assert (after.start, before.end) == (window.end, window.start)


def test_free_users_have_the_calendar_month():
    free = Access(None, None, Reason.NO_SUBSCRIPTION)

    assert span(monthly_window(free, at("2028-02-29 12:00"))) == (
        "2028-02-01 00:00",
        "2028-03-01 00:00",
    )


def test_a_subscription_that_grants_nothing_has_the_calendar_month():
    ended = Access(None, paid("2026-03-10", "2026-04-10").subscription, Reason.ENDED)

    assert span(monthly_window(ended, at("2026-03-15")))[0] == "2026-03-01 00:00"


@pytest.mark.parametrize("year", [2026, 2027, 2028])
@pytest.mark.parametrize("day", ["01-01", "01-31", "02-28", "03-30", "12-31"])
def test_a_year_has_twelve_windows_that_fill_its_period(year: int, day: str):
    start, end = f"{year}-{day}", f"{year + 1}-{day}"
    access = paid(start, end, interval="year")

    windows = windows_of(access, at(start), at(end))

    assert len(windows) == 12
    assert (windows[0].start, windows[-1].end) == (at(start), at(end))


@pytest.mark.parametrize("year", [2028, 2029, 2030, 2031, 2032])
def test_a_year_bought_on_a_leap_day_has_twelve_windows_every_year(year: int):
    start, end = (months_after(at("2028-02-29"), 12 * n) for n in (year - 2028, year - 2027))
    access = paid(str(start)[:10], str(end)[:10], anchor="2028-02-29", interval="year")

    windows = windows_of(access, start, end)

    assert len(windows) == 12
    assert (windows[0].start, windows[-1].end) == (start, end)


def windows_of(access: Access, start: datetime, end: datetime) -> list[Window]:
    found = []
    moment = start
    while moment < end:
        found.append(monthly_window(access, moment))
        moment = found[-1].end
    return found


@pytest.mark.parametrize("month", range(12))
def test_a_month_bought_on_day_31_is_always_one_window(month: int):
    start, end = (months_after(at("2026-01-31"), n) for n in (month, month + 1))
    access = paid(str(start)[:10], str(end)[:10], anchor="2026-01-31")

    assert monthly_window(access, start) == monthly_window(access, end - SECOND)
    assert monthly_window(access, start) == Window(start, end)


def test_a_window_ends_with_a_trial():
    access = paid("2026-03-01", "2026-03-15", anchor="2026-03-15")

    assert span(monthly_window(access, at("2026-03-10"))) == (
        "2026-03-01 00:00",
        "2026-03-15 00:00",
    )


@pytest.mark.parametrize("anchor", ["2026-03-15", "2026-03-01"])
def test_after_the_period_the_next_one_is_foreseen(anchor: str):
    access = paid("2026-03-01", "2026-03-15", anchor=anchor)

    assert span(monthly_window(access, at("2026-03-20"))) == (
        "2026-03-15 00:00",
        "2026-04-15 00:00",
    )


@pytest.mark.parametrize(
    ("interval", "start", "end"),
    [("week", "2026-03-22", "2026-03-29"), ("day", "2026-03-22", "2026-03-23")],
)
def test_short_prices_have_months_from_the_billing_anchor(interval: str, start: str, end: str):
    access = paid(start, end, anchor="2026-01-04", interval=interval)

    assert span(monthly_window(access, at("2026-03-22 12:00"))) == (
        "2026-03-04 00:00",
        "2026-04-04 00:00",
    )
