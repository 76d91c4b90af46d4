"""The server: what waits for an answer to be sent does not wait for the client to be polite."""

from collections.abc import Callable

from werkzeug.wsgi import ClosingIterator

from billing.emulator.server import Punctual


def _begun(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
    """Take the head of an answer, which these have not."""
    return bytes


def test_an_answer_is_closed_when_it_was_sent_even_if_the_server_never_gets_to_it() -> None:
    closed: list[str] = []
    answer = ClosingIterator([b"see ", b"other"], lambda: closed.append("closed"))

    sent = b"".join(Punctual(lambda environ, start_response: answer)({}, _begun))

    assert (sent, closed) == (b"see other", ["closed"])


def test_an_answer_that_cannot_be_sent_is_closed_too() -> None:
    closed: list[str] = []
    answer = ClosingIterator([b"see ", b"other"], lambda: closed.append("closed"))

    sending = Punctual(lambda environ, start_response: answer)({}, _begun)
    next(sending)
    sending.close()

    assert closed == ["closed"]
