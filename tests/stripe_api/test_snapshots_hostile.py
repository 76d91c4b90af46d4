"""What if Stripe's objects are broken in every way? Nothing but Unreadable, and always a 200."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import responses
import sqlalchemy as sa
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from billing.database import reading
from billing.models import EventState, StripeEvent
from billing.stripe_api.events import API_VERSION
from billing.stripe_api.snapshots import Unreadable
from tests.stripe_api.readings import READERS, samples
from tests.stripe_api.stand_ins import STRIPE, existing
from tests.support import databases
from tests.support.events import stripe_event
from tests.support.factories import a_plan
from tests.support.requests import Client

EVENTS = {
    "subscription": "customer.subscription.updated",
    "price": "price.updated",
    "plan": "price.deleted",
    "product": "product.updated",
    "customer": "customer.updated",
    "invoice": "invoice.paid",
    "checkout": "checkout.session.completed",
    "test_clock": "test_helpers.test_clock.ready",
}
EXPANDED = {"id": "obj_1", "object": "thing", "deleted": True, "items": {"data": [{"id": None}]}}

numbers = st.sampled_from([-1, 0, 1.5, 2**31, 2**63, 10**12, 10**30, -(10**30), float("nan")])
texts = st.sampled_from(["", "\0", "a\ud800", "x" * 300, "a\nb", "1500000000", "true"])
lists = st.sampled_from([[], {}, [None], [[]], {"data": [1, None, {}]}, EXPANDED, [EXPANDED] * 2])
anything = st.none() | st.booleans() | st.integers() | st.text(st.characters())
junk = st.one_of(numbers, texts, lists, anything)


@st.composite
def broken(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """One of our samples, with up to six places dropped, replaced, nested or doubled."""
    sample = draw(st.sampled_from(samples()))
    data = sample.data
    for _ in range(draw(st.integers(1, 6))):
        if data:
            _break(draw, *draw(st.sampled_from(list(_places(data)))))
    return sample.family, data


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> str:
    """SQLite alone: the shapes do not differ by database."""
    return databases.copy_sqlite(sqlite_template, tmp_path / "billing.db")


@settings(max_examples=1000, deadline=None, print_blob=True)
@given(broken())
def test_a_broken_object_is_unreadable_or_read_as_what_can_be_stored(
    told: tuple[str, dict[str, Any]],
) -> None:
    family, data = told

    try:
        read = READERS[family](data)
    except Unreadable:
        event("unreadable")
        return

    event("read")
    assert [leaf for leaf in _leaves(read) if not _is_storable(leaf)] == []


@pytest.mark.slow
@settings(
    max_examples=150,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # emptied for each example
)
@given(told=broken(), version=st.sampled_from([API_VERSION, "2018-02-06", None]))
def test_an_event_of_a_broken_object_is_answered_200_and_kept(
    client: Client, told: tuple[str, dict[str, Any]], version: str | None
) -> None:
    databases.empty()
    a_plan("pro")  # so that a payload that looks complete may be shown at once
    family, data = told
    sent = stripe_event(EVENTS.get(family, f"{family}.updated"), data, api_version=version)

    with responses.RequestsMock(assert_all_requests_are_fired=False) as stripe_http:
        stripe_http.add_callback("GET", STRIPE, existing)
        response = client.post_event(sent)

    assert response.status_code == 200
    with reading() as session:
        state = session.scalars(sa.select(StripeEvent.state)).one()
    event(state)
    assert state is not EventState.RECEIVED  # else the sweep would stumble over it for ever


@pytest.mark.slow
@settings(
    max_examples=100,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # emptied for each example
)
@given(top=st.dictionaries(st.sampled_from(["api_version", "created", "data", "livemode"]), junk))
def test_an_event_of_a_broken_envelope_is_answered_200_and_kept(
    client: Client, top: dict[str, Any]
) -> None:
    databases.empty()

    response = client.post_event(stripe_event("customer.updated", {"id": None}, **top))

    assert response.status_code == 200
    with reading() as session:
        assert session.scalars(sa.select(StripeEvent.state)).one() is not EventState.RECEIVED


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every place that holds a value: its dict or list, and its key or index."""
    inside = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in list(inside):
        yield data, key
        if isinstance(value, (dict, list)):
            yield from _places(value)


def _break(draw: st.DrawFn, holder: Any, key: Any) -> None:
    value = holder[key]
    how = draw(st.sampled_from(["replace", "replace", "drop", "nest", "double"]))
    if how == "drop":
        del holder[key]
    elif how == "replace":
        holder[key] = json.loads(json.dumps(draw(junk)))
    elif how == "nest":
        holder[key] = {"id": value, "object": "thing", "data": [value], "has_more": False}
    else:
        holder[key] = [value, value]


def _leaves(value: Any) -> Iterator[Any]:
    if is_dataclass(value):
        for field in fields(value):
            yield from _leaves(getattr(value, field.name))
    elif isinstance(value, tuple):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _is_storable(leaf: Any) -> bool:
    """Tell whether every database of ours could hold it."""
    if isinstance(leaf, str):
        return "\0" not in leaf and leaf.encode(errors="ignore").decode() == leaf
    if isinstance(leaf, datetime):
        return leaf.tzinfo is not None
    return leaf is None or (isinstance(leaf, int) and abs(leaf) < 2**63)
