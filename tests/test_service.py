"""Does what our application object remembers stay what Flask would say?"""

import pytest

from billing.service import FUNCTIONS, Service


def test_a_function_is_run_as_it_is_and_a_coroutine_is_refused_each_time() -> None:
    service = Service(__name__)

    def show() -> str:
        return "shown"

    async def wait() -> str:
        return "waited"

    for _ in range(2):
        assert service.ensure_sync(show) is show
        with pytest.raises(RuntimeError, match="'async' extra"):
            service.ensure_sync(wait)


def test_functions_that_come_and_go_do_not_pile_up() -> None:
    service = Service(__name__)

    for number in range(2 * FUNCTIONS):
        service.ensure_sync(lambda number=number: number)

    assert service._as_sync.cache_info().currsize == FUNCTIONS
