"""`make check-stripe`: does it find where two Stripes differ, and touch nothing that is live?"""

from copy import deepcopy

import pytest

from billing.emulator import Emulator
from scripts import check_stripe
from scripts.lifecycle import Step


def a_step(**subscription: object) -> Step:
    held = {"status": "active", "cancel_at": None, "start_date": 1_790_000_000, **subscription}
    step = Step("a step", {"subscription": held})
    step.events["invoice.paid"] = 1
    return step


def told(there: Step, here: Step) -> list[str]:
    return list(check_stripe.differences([there], [here]))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "A key is needed"),
        ("sk_live_51abc", "A live key is refused"),
        ("rk_live_51abc", "A live key is refused"),
    ],
)
def test_only_keys_of_test_mode_are_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str, said: str
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", key)

    assert check_stripe.main() == 2
    assert said in capsys.readouterr().err


def test_what_is_the_same_is_not_told() -> None:
    assert told(a_step(), a_step(start_date=1_790_000_050)) == []


def test_another_status_is_told_with_its_step() -> None:
    assert told(a_step(status="past_due"), a_step()) == [
        "[a step] subscription.status: ['past_due'] at Stripe, ['active'] here"
    ]


def test_a_moment_that_is_far_off_is_told() -> None:
    [line] = told(a_step(), a_step(start_date=1_790_086_400))

    assert "subscription.start_date" in line


def test_an_event_too_few_is_told() -> None:
    here = deepcopy(a_step())
    here.events.clear()

    assert told(a_step(), here) == ["[a step] event invoice.paid: 1 at Stripe, 0 here"]


def test_members_that_only_one_has_are_told() -> None:
    assert told(a_step(new={"part": 1}), a_step(old=None)) == [
        "[shape] subscription.new.part: not here",
        "[shape] subscription.new: not here",
        "[shape] subscription.old: not at Stripe",
    ]


@pytest.mark.slow
def test_the_emulator_does_not_differ_from_itself(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_made_up")
    monkeypatch.setenv("STRIPE_API_BASE", emulator.url)

    exit_code = check_stripe.main()

    assert "No difference in 10 steps" in capsys.readouterr().out
    assert exit_code == 0
    assert emulator.account.all("test_helpers.test_clock") == []


@pytest.mark.slow
def test_a_stripe_that_tells_of_nothing_differs_in_every_step(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_made_up")
    monkeypatch.setenv("STRIPE_API_BASE", emulator.url)
    emulator.faults.silent = True

    assert check_stripe.main() == 1
    assert "event invoice.payment_failed: 0 at Stripe, 1 here" in capsys.readouterr().out
