"""Does a customer find every own invoice, and nobody else's?"""

from uuid import UUID

import pytest
import sqlalchemy as sa

from billing.database import transaction
from billing.emulator import Emulator
from billing.models import Invoice
from billing.sales.changes import change
from billing.sales.targets import Wish
from tests.support.factories import a_user, auth
from tests.support.requests import Client

PATH = "/v1/subscription/invoices"


@pytest.fixture
def billed_id(pro_id: UUID) -> UUID:
    """Somebody with three invoices."""
    change(pro_id, Wish("enterprise"))
    change(pro_id, Wish(quantity=2))
    return pro_id


def test_what_was_billed_is_listed_the_newest_first(client: Client, billed_id: UUID) -> None:
    page = client.get(PATH, headers=auth(billed_id)).json

    assert page["next_cursor"] is None
    assert len(page["invoices"]) == 3
    assert 2_900 in [one["total"] for one in page["invoices"]]
    issued = [one["issued_at"] for one in page["invoices"]]
    assert issued == sorted(issued, reverse=True)
    assert {one["status"] for one in page["invoices"]} == {"paid"}
    assert all(one["hosted_invoice_url"] and one["invoice_pdf"] for one in page["invoices"])


def test_pages_follow_each_other_without_gap_or_repeat(client: Client, billed_id: UUID) -> None:
    whole = client.get(PATH, headers=auth(billed_id)).json["invoices"]

    first = client.get(f"{PATH}?limit=2", headers=auth(billed_id)).json
    cursor = first["next_cursor"]
    second = client.get(f"{PATH}?limit=2&cursor={cursor}", headers=auth(billed_id)).json

    assert first["invoices"] + second["invoices"] == whole
    assert second["next_cursor"] is None


def test_fresh_addresses_are_fetched_when_asked_for(client: Client, billed_id: UUID) -> None:
    with transaction() as session:
        session.execute(
            sa.update(Invoice).values(hosted_invoice_url="https://invoice.stripe.com/gone")
        )

    stale = client.get(PATH, headers=auth(billed_id)).json["invoices"]
    fresh = client.get(f"{PATH}?fresh=true", headers=auth(billed_id)).json["invoices"]

    assert {one["hosted_invoice_url"] for one in stale} == {"https://invoice.stripe.com/gone"}
    assert all("gone" not in one["hosted_invoice_url"] for one in fresh)


def test_listing_asks_stripe_nothing(client: Client, billed_id: UUID, emulator: Emulator) -> None:
    emulator.faults.api_reset = 99

    assert client.get(PATH, headers=auth(billed_id)).status_code == 200


def test_drafts_are_not_shown(client: Client, billed_id: UUID) -> None:
    with transaction() as session:
        session.execute(sa.update(Invoice).values(status="draft"))

    assert client.get(PATH, headers=auth(billed_id)).json["invoices"] == []


def test_who_never_bought_has_none(client: Client, shop: None) -> None:
    page = client.get(PATH, headers=auth(a_user().id)).json

    assert page == {"invoices": [], "next_cursor": None}


def test_somebody_elses_invoice_is_no_cursor(client: Client, billed_id: UUID) -> None:
    theirs = client.get(PATH, headers=auth(billed_id)).json["invoices"][0]["id"]
    stranger = a_user(email="stranger@example.com", stripe_customer_id="cus_stranger").id

    response = client.get(f"{PATH}?cursor={theirs}", headers=auth(stranger))

    assert (response.status_code, response.json["code"]) == (422, "invalid")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=abc"])
def test_what_cannot_be_asked_is_told(client: Client, billed_id: UUID, query: str) -> None:
    assert client.get(f"{PATH}?{query}", headers=auth(billed_id)).status_code == 422


STRANGE = [
    "javascript:alert(1)",
    "http://invoice.stripe.com/i/1",
    "https://invoice.stripe.com.evil.example/i/1",
    "https://evilstripe.com/i/1",
    "https://invoice.stripe.com@evil.example/i/1",
    "https://evil.example\\@invoice.stripe.com/i/1",
    "//invoice.stripe.com/i/1",
    "https://evil.example\\.stripe.com/i/1",
    "https://[",
    "",
]


@pytest.mark.parametrize("url", STRANGE)
def test_an_address_that_is_not_at_stripe_is_shown_to_nobody(
    client: Client, billed_id: UUID, url: str
) -> None:
    with transaction() as session:
        addresses = {"hosted_invoice_url": url, "invoice_pdf": url}
        session.execute(sa.update(Invoice).values(status="open", action="pay", **addresses))

    invoice, *_ = client.get(PATH, headers=auth(billed_id)).json["invoices"]
    me = client.get("/v1/subscription/me", headers=auth(billed_id)).json

    assert (invoice["hosted_invoice_url"], invoice["invoice_pdf"]) == (None, None)
    assert me["action"]["kind"] == "pay"
    assert me["action"]["url"] is None


def test_the_pages_of_stripe_are_shown(client: Client, billed_id: UUID) -> None:
    page, file = "https://invoice.stripe.com/i/acct_1/1?s=ap", "https://pay.stripe.com/i/1/pdf"
    with transaction() as session:
        session.execute(sa.update(Invoice).values(hosted_invoice_url=page, invoice_pdf=file))

    invoice, *_ = client.get(PATH, headers=auth(billed_id)).json["invoices"]

    assert (invoice["hosted_invoice_url"], invoice["invoice_pdf"]) == (page, file)
