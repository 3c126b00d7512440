"""freastal/_lifespan.py: what the application is told of start and end, and what its answers mean."""

from __future__ import annotations

import asyncio

import pytest

from freastal._lifespan import Lifespan
from freastal._log import Log
from freastal.errors import BootError


@pytest.fixture
def log(capfd):
    """lines(): what was logged so far, without the stamps."""
    log = Log("debug")
    log.lines = lambda: [line.partition("] ")[2] for line in capfd.readouterr().err.splitlines() if "] " in line]
    return log


class Application:
    """Answers as `answers` says, by the type of the message; notes what it was told, and its scope."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.heard: list[str] = []

    async def __call__(self, scope, receive, send):
        self.scope = scope
        try:
            while "shutdown" not in self.heard:
                self.heard.append((await receive())["type"].removeprefix("lifespan."))
                answer = self.answers.get(self.heard[-1], f"lifespan.{self.heard[-1]}.complete")
                if isinstance(answer, Exception):
                    raise answer
                if answer is None:
                    return
                await send({"type": answer} if isinstance(answer, str) else answer)
        except asyncio.CancelledError:
            self.heard.append("cancelled")
            raise


def whole(application, mode="auto", *, log=None, timeout_s=20.0) -> Lifespan:
    """A start and an end."""

    async def main() -> Lifespan:
        lifespan = Lifespan(application, mode, log or Log("critical"))
        await lifespan.startup()
        await lifespan.shutdown(timeout_s)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return lifespan

    return asyncio.run(main())


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_start_and_end(mode, log):
    application = Application()
    lifespan = whole(application, mode, log=log)
    assert application.heard == ["startup", "shutdown"]
    assert application.scope == {
        "type": "lifespan",
        "asgi": {"version": "3.0", "spec_version": "2.0"},
        "state": {},
    }
    assert application.scope["state"] is lifespan.state
    assert log.lines() == []


def test_off_is_not_told():
    application = Application()
    assert whole(application, "off").state == {}
    assert application.heard == []


def test_an_application_that_does_not_know_lifespan(log):
    """asgiref's habit: an exception for a type of scope that is unknown."""

    async def application(scope, receive, send):
        raise ValueError("only http here")

    whole(application, log=log)
    assert log.lines() == ["debug: the application does not support lifespan: ValueError('only http here')"]


def test_an_application_that_returns_at_once():
    async def application(scope, receive, send):
        return

    whole(application, "auto")
    whole(application, "on")


def test_on_means_that_an_exception_is_a_failure():
    application = Application(startup=ValueError("no database"))
    with pytest.raises(BootError) as caught:
        whole(application, "on")
    said = str(caught.value)
    assert said.startswith("the application failed in its startup:\nTraceback (most recent call last):\n")
    assert said.endswith("ValueError: no database")
    assert "/freastal/_lifespan.py" not in said.splitlines()[2]
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_leaving_the_program_is_a_failure_in_any_mode(mode):
    async def application(scope, receive, send):
        raise SystemExit(4)

    with pytest.raises(BootError, match="SystemExit: 4"):
        whole(application, mode)


@pytest.mark.parametrize("mode", ["auto", "on"])
@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"message": "no database"}, "the application's startup failed: no database"),
        ({"message": "Traceback:\n  no database\n"}, "the application's startup failed:\nTraceback:\n  no database"),
        ({}, "the application's startup failed: it did not say why"),
    ],
)
def test_the_application_refuses_to_start(mode, message, said):
    application = Application(startup={"type": "lifespan.startup.failed", **message})
    with pytest.raises(BootError) as caught:
        whole(application, mode)
    assert str(caught.value) == said


def test_what_it_raises_after_it_refused_is_a_detail(log):
    """Starlette's habit."""

    async def application(scope, receive, send):
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        raise ValueError("no database")

    with pytest.raises(BootError, match="startup failed: no database"):
        whole(application, log=log)
    assert log.lines() == ["debug: after its startup had failed the application raised ValueError('no database')"]


def test_an_exception_in_the_shutdown_is_logged_with_its_traceback(log):
    whole(Application(shutdown=ValueError("cannot close")), log=log)
    assert log.lines() == ["error: the application failed in its lifespan"]


def test_a_shutdown_that_fails_is_logged(log):
    whole(Application(shutdown={"type": "lifespan.shutdown.failed", "message": "cannot close"}), log=log)
    assert log.lines() == ["error: the application's shutdown failed: cannot close"]


def test_a_shutdown_that_is_never_answered_is_cancelled(log):
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.Event().wait()

    whole(application, log=log, timeout_s=0.01)
    assert log.lines() == ["error: the application did not finish its shutdown within 0.01 s and is cancelled"]


def test_an_application_that_waits_for_more_is_not_waited_for():
    async def application(scope, receive, send):
        try:
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
        finally:
            ended.append(True)

    ended: list[bool] = []
    whole(application, timeout_s=20)
    assert ended == [True]


def test_an_application_that_ends_by_itself_is_not_told_of_the_end():
    whole(Application(startup=None))


def test_a_startup_that_is_cancelled_cancels_the_application():
    application = Application()

    async def never(message):
        await asyncio.Event().wait()

    async def stuck(scope, receive, send):
        await application(scope, receive, never)

    async def main() -> None:
        startup = asyncio.ensure_future(Lifespan(stuck, "on", Log("critical")).startup())
        while not application.heard:
            await asyncio.wait({startup}, timeout=0)
        startup.cancel()
        with pytest.raises(asyncio.CancelledError):
            await startup
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert application.heard == ["startup", "cancelled"]


def test_a_shutdown_that_is_cancelled_cancels_the_application():
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        reached.set()
        await asyncio.Event().wait()

    async def main() -> None:
        lifespan = Lifespan(application, "on", Log("critical"))
        await lifespan.startup()
        shutdown = asyncio.ensure_future(lifespan.shutdown(20))
        await reached.wait()
        shutdown.cancel()
        with pytest.raises(asyncio.CancelledError):
            await shutdown
        assert asyncio.all_tasks() == {asyncio.current_task()}

    reached = asyncio.Event()
    asyncio.run(main())


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (["lifespan.startup.complete", "lifespan.startup.complete"], "the startup is over already"),
        (["lifespan.startup.complete", "lifespan.startup.failed"], "the startup is over already"),
        (["lifespan.shutdown.complete"], "nobody has asked"),
        (["lifespan.begin"], "'lifespan.begin' is no message of a lifespan"),
    ],
)
def test_messages_out_of_turn(messages, said):
    async def application(scope, receive, send):
        for message in messages[:-1]:
            await send({"type": message})
        with pytest.raises(RuntimeError, match=said):
            await send({"type": messages[-1]})
        refused.append(said)

    refused: list[str] = []
    whole(application)
    assert refused == [said]
