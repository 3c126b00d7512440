"""Peers of an ASGI application that come and go as they like: nothing stays behind, and nobody else notices.

FREASTAL_TEST_LEAVERS says how many leave abruptly on each loop.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import socket
import struct
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from freastal import _core
from tests.support.apps.crowded import Crowded
from tests.support.server import serve_here
from tests.support.websocket import BINARY, CLOSE, CONTINUATION, TEXT, UPGRADE, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.server import RunningServer

LEAVERS = int(os.environ.get("FREASTAL_TEST_LEAVERS", "700"))
THREADS = 4


def get(path: str) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: a\r\n" % path.encode()


def post(path: str, length: int) -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (path.encode(), length)


# Ways to come and go. Each returns when it has had enough; what follows is the end of the connection.


def says_nothing(peer: socket.socket, chance: random.Random) -> None:
    pass


def stops_in_the_head(peer: socket.socket, chance: random.Random) -> None:
    head = get("/read") + b"X-Long: " + b"x" * 500
    peer.sendall(head[: chance.randrange(len(head))])


def stops_in_the_body(peer: socket.socket, chance: random.Random) -> None:
    path = chance.choice(["/read", "/impatient", "/wait", "/race"])
    peer.sendall(post(path, 200_000) + b"x" * chance.choice([0, 1, 5000, 150_000]))


def leaves_the_stream(peer: socket.socket, chance: random.Random) -> None:
    peer.sendall(get("/stream") + b"\r\n")
    peer.recv(chance.choice([1, 100, 100_000]))


def leaves_who_waits(peer: socket.socket, chance: random.Random) -> None:
    peer.sendall(get(chance.choice(["/wait", "/race"])) + b"\r\n")


def pipelines_and_leaves(peer: socket.socket, chance: random.Random) -> None:
    requests = post("/read", 10) + b"x" * 10 + get("/tasks") + b"\r\n" + get("/wait") + b"\r\n" + get("/read")
    peer.sendall(requests[: chance.randrange(len(requests))])


def stops_in_the_handshake(peer: socket.socket, chance: random.Random) -> None:
    head = get("/echo") + UPGRADE
    peer.sendall(head[: chance.randrange(len(head))])


def leaves_the_undecided(peer: socket.socket, chance: random.Random) -> None:
    peer.sendall(get("/undecided") + UPGRADE)


def talks_and_leaves(peer: socket.socket, chance: random.Random) -> None:
    messages = b"".join(frame(BINARY, b"m" * chance.choice([0, 10, 200, 70_000])) for _ in range(5))
    peer.sendall(get("/echo") + UPGRADE + messages[: chance.randrange(len(messages))])
    if chance.random() < 0.5:
        peer.recv(chance.choice([1, 130, 5000]))


def leaves_the_push(peer: socket.socket, chance: random.Random) -> None:
    peer.sendall(get("/push") + UPGRADE)
    peer.recv(chance.choice([1, 200, 100_000]))


def breaks_the_rules(peer: socket.socket, chance: random.Random) -> None:
    bad = [b"\xff\xff\xff", b"\x81\x01a", frame(TEXT, b"\xff\xfe"), frame(CONTINUATION), frame(CLOSE, b"\x03")]
    peer.sendall(get("/echo") + UPGRADE + chance.choice(bad))
    peer.recv(1000)


WAYS: list[Callable[[socket.socket, random.Random], None]] = [
    says_nothing,
    stops_in_the_head,
    stops_in_the_body,
    leaves_the_stream,
    leaves_who_waits,
    pipelines_and_leaves,
    stops_in_the_handshake,
    leaves_the_undecided,
    talks_and_leaves,
    leaves_the_push,
    breaks_the_rules,
]


def leave(server: RunningServer, seed: int, count: int) -> None:
    chance = random.Random(seed)
    for number in range(count):
        with server.connect() as peer:
            try:
                WAYS[number % len(WAYS)](peer, chance)
                if chance.random() < 0.6:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif chance.random() < 0.5:
                    peer.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # The other side of its own misdeed.


def kept_alive() -> Counter[str]:
    """What of ours and of asyncio's the collector still knows."""
    gc.collect()
    gc.collect()
    kinds = (asyncio.Future, asyncio.Task, asyncio.Handle, *[kind for kind in vars(_core).values() if _is_kind(kind)])
    return Counter(type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, kinds))


def _is_kind(value: Any) -> bool:
    return isinstance(value, type)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.linux
def test_those_who_leave_leave_nothing_behind(loop: str) -> None:
    with serve_here(Crowded(), loop=loop) as server:
        assert server.get("/read").body == b"0"  # what a first loop of a process opens for good is open
    application = Crowded()
    fds, things = descriptors(), kept_alive()
    with serve_here(application, loop=loop, log_level="critical") as server:
        server.get("/read")  # after the first request there may be a spare task on its way
        begun = server.get("/tasks").body, descriptors()
        leavers = [threading.Thread(target=leave, args=(server, seed, LEAVERS // THREADS)) for seed in range(THREADS)]
        for leaver in leavers:
            leaver.start()
        for leaver in leavers:
            leaver.join()
        for _ in range(100):  # the last of them may still wait to be accepted
            application.wait_until_empty(LEAVERS // 4)
            left = server.get("/tasks").body, descriptors()
            if left == begun:
                break
        assert left == begun
    assert descriptors() == fds
    application.wait_until_empty()
    assert kept_alive() - things == Counter()


@pytest.mark.linux
def test_those_who_leave_during_startup(loop: str) -> None:
    """They are served, or seen to have gone, once it is over."""
    came = threading.Event()

    class Slow(Crowded):
        async def lifespan(self, receive: Any, send: Any) -> None:
            await asyncio.get_running_loop().run_in_executor(None, came.wait)
            await super().lifespan(receive, send)

    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:

        def come_and_go() -> None:
            for number in range(100):
                with socket.create_connection(listener.getsockname()) as peer:
                    peer.sendall(get("/read")[: number % 30])
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            came.set()

        comer = threading.Thread(target=come_and_go)
        comer.start()
        application = Slow()
        with serve_here(application, loop=loop, bind=f"fd://{listener.fileno()}") as server:
            assert server.get("/read").body == b"0"
        comer.join()
        assert application.events == ["startup", "shutdown"]


def settled(server: RunningServer) -> int:
    """What has been produced, once it is no longer growing: the same over many turns of the loop."""
    seen, same = -1, 0
    while same < 20:
        now = int(server.get("/produced-so-far").body)
        seen, same = now, same + 1 if now == seen else 0
    return seen


@pytest.mark.parametrize("request_head", [get("/hundred-mebibytes") + b"\r\n", get("/push") + UPGRADE])
def test_who_does_not_read_is_not_produced_for(loop: str, request_head: bytes) -> None:
    application = Crowded()
    with serve_here(application, loop=loop) as server:
        with server.connect() as peer:
            peer.sendall(request_head)
            assert peer.recv(1)
            waiting = settled(server)
            assert waiting < 24 << 20
            wanted, got = waiting + (2 << 20), 0
            while got < wanted:
                got += len(peer.recv(1 << 20))
        application.wait_until_empty(1)


def test_a_body_that_trickles_in_arrives_whole_to_the_impatient(loop: str) -> None:
    """Cancelled waits lose nothing."""
    body = random.Random(1).randbytes(3000)
    with serve_here(Crowded(), loop=loop) as server, server.peer() as peer:
        peer.send_bytes(post("/impatient", len(body)))
        for at in range(0, len(body), 10):
            peer.send_bytes(body[at : at + 10])
        peer.expect(200, body=body)


def test_who_does_not_read_a_body_holds_up_the_peer(loop: str) -> None:
    """The application waits for something else; the peer may send only what fits into windows and sockets."""
    with serve_here(Crowded(), loop=loop, graceful_timeout=0) as server, server.connect() as peer:
        peer.sendall(post("/forever", 1 << 30))
        peer.setblocking(False)
        sent = 0
        for _ in range(4000):
            try:
                sent += peer.send(b"x" * 65536)
            except BlockingIOError:
                server.get("/tasks")  # a turn of the loop
            assert sent < 32 << 20


def test_a_background_task_is_finished_before_shutdown(loop: str) -> None:
    application = Crowded()
    with serve_here(application, loop=loop) as server:
        assert server.get("/background").body == b"answered"
        server.get("/let-background-go")
    assert application.events == ["startup", "answered", "background done", "shutdown"]


def test_what_does_not_end_is_cancelled_at_the_deadline(loop: str) -> None:
    application = Crowded()
    with serve_here(application, loop=loop, graceful_timeout=0.2, log_level="critical") as server:
        peers = [server.connect() for _ in range(50)]
        for peer in peers:
            peer.sendall(get("/forever") + b"\r\n")
        background = server.get("/background")
        assert background.body == b"answered"
        with application.changed:
            assert application.changed.wait_for(lambda: application.events.count("waiting") == 50, 30)
    for peer in peers:
        peer.close()
    assert application.left == application.entered
    assert application.events.count("cancelled") == 50
    assert application.events[-1] == "shutdown"


class Failing:
    """Raises at the step that the query names, of eight."""

    KINDS = (ValueError, asyncio.CancelledError, TimeoutError, RecursionError, OSError, StopAsyncIteration, MemoryError)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        at, _, kind = scope["query_string"].partition(b"-")
        step = iter(range(100))

        def reached() -> None:
            if next(step) == int(at):
                raise self.KINDS[int(kind)]

        reached()
        await receive()
        reached()
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            reached()
            await asyncio.sleep(0)
            reached()
            await send({"type": "websocket.send", "text": "x"})
            reached()
            await send({"type": "websocket.close"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            reached()
            await asyncio.sleep(0)
            reached()
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            reached()
            await send({"type": "http.response.body"})
        reached()


@pytest.mark.parametrize("kind", range(len(Failing.KINDS)))
def test_exceptions_everywhere(loop: str, kind: int) -> None:
    with serve_here(Failing(), loop=loop, log_level="critical") as server:
        for at in range(7):
            with server.peer() as peer:
                peer.send_bytes(get(f"/?{at}-{kind}") + b"Connection: close\r\n\r\n")
                answer = b"".join(iter(lambda p=peer: p.socket.recv(65536), b""))
                # The head leaves with the first piece of the body.
                expected = b"500" if at < 4 else b"200"
                assert answer.startswith(b"HTTP/1.1 " + expected), (at, answer)
                assert answer.endswith(b"\r\n0\r\n\r\n") == (at > 4), (at, answer)
            with server.peer() as peer:
                peer.send_bytes(get(f"/?{at}-{kind}") + UPGRADE + frame(CLOSE, struct.pack("!H", 1000)))
                answer = b"".join(iter(lambda p=peer: p.socket.recv(65536), b""))
                assert answer.startswith(b"HTTP/1.1 500" if at < 2 else b"HTTP/1.1 101"), (at, answer)
