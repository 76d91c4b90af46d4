"""Does any life of a customer end wrong, or show on the way what was seen to be over?"""

import random

import pytest
import responses
from flask import Flask
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from billing.database import dialect_name
from billing.settings import settings as service
from tests.support import databases
from tests.support.factories import a_plan
from tests.support.lives import World

SEED = random.SystemRandom().getrandbits(32)
STEPS = [
    *["change", "deliver"] * 6,
    *["begin", "write"] * 8,
    *["wait"] * 4,
    *["receive", "note", "lose", "acquire", "fetch", "fail", "crash", "ask"],
]

steps = st.tuples(st.sampled_from(STEPS), st.integers(0, 5), st.integers(0, 131))
scripts = st.lists(steps, min_size=20, max_size=50)


@pytest.mark.parametrize(
    "lives",
    [pytest.param(300, marks=pytest.mark.slow), pytest.param(10_000, marks=pytest.mark.long)],
)
def test_every_life_ends_true_and_never_goes_back(app: Flask, lives: int) -> None:
    print(f"@seed({SEED})")
    databases.hurry()
    a_plan("pro")
    base = service().stripe_api_base

    @seed(SEED)
    @settings(
        max_examples=lives // (1 if dialect_name() == "sqlite" else 3),
        deadline=None,
        database=None,
        print_blob=True,
    )
    @given(scripts)
    def live(script: list[tuple[str, int, int]]) -> None:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as stripe_http:
            world = World()
            world.stripe.serve(stripe_http, base)
            for step in script:
                world.do(*step)
            world.end()
            world.check_end()

    live()
