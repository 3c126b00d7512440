"""freastal.EventLoop as users meet it: an asyncio loop like any other."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading

import pytest

import freastal


def run(main):
    with asyncio.Runner(loop_factory=freastal.new_event_loop) if sys.version_info >= (3, 11) else _Runner() as runner:
        return runner.run(main)


class _Runner:
    """As much of asyncio.Runner as Python 3.10 needs here."""

    def __enter__(self):
        self.loop = freastal.new_event_loop()
        return self

    def run(self, main):
        return self.loop.run_until_complete(main)

    def __exit__(self, *exception):
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def test_it_is_an_asyncio_loop():
    loop = freastal.new_event_loop()
    assert isinstance(loop, freastal.EventLoop)
    assert isinstance(loop, asyncio.SelectorEventLoop)
    assert repr(loop) == "<EventLoop running=False closed=False debug=False>"
    loop.close()
    assert loop.is_closed()
    loop.close()


def test_running_twice_and_closing_while_running():
    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(RuntimeError, match="This event loop is already running"):
            loop.run_forever()
        other = freastal.new_event_loop()
        with pytest.raises(RuntimeError, match="while another loop is running"):
            other.run_forever()
        other.close()
        with pytest.raises(RuntimeError, match="Cannot close a running event loop"):
            loop.close()
        return "done"

    assert run(main()) == "done"


def test_running_a_closed_loop():
    loop = freastal.new_event_loop()
    loop.close()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.run_forever()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.call_soon(print)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="policies are deprecated")
def test_the_policy():
    asyncio.set_event_loop_policy(freastal.EventLoopPolicy())
    try:

        async def main():
            return type(asyncio.get_running_loop())

        assert asyncio.run(main()) is freastal.EventLoop
    finally:
        asyncio.set_event_loop_policy(None)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="before 3.14 there is one")
def test_no_policy_where_they_are_deprecated():
    assert not hasattr(freastal, "EventLoopPolicy")


def test_importing_freastal_does_not_import_asyncio():
    command = "import sys, freastal; freastal._core; sys.exit('asyncio' in sys.modules)"
    command = command.replace("freastal._core;", "import freastal._core;")
    assert subprocess.run([sys.executable, "-c", command]).returncode == 0


def test_streams_carry_a_megabyte_both_ways():
    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        body = bytes(range(256)) * 4096
        writer.write(body)
        answer = await reader.readexactly(len(body))
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return answer == body

    assert run(main())


def test_unix_sockets_and_datagrams(tmp_path):
    async def main():
        path = str(tmp_path / "socket")
        server = await asyncio.start_unix_server(echo, path)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"unix\n")
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

        loop = asyncio.get_running_loop()
        received = loop.create_future()

        class Receiver(asyncio.DatagramProtocol):
            def datagram_received(self, data, address):
                received.set_result(data)

        receiving, _ = await loop.create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
        address = receiving.get_extra_info("sockname")
        sending, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=address)
        sending.sendto(b"datagram")
        data = await received
        sending.close()
        receiving.close()
        return line, data

    assert run(main()) == (b"unix\n", b"datagram")


def test_sockets_by_hand():
    async def main():
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        for sock in (one, other):
            sock.setblocking(False)
        with one, other:
            reading = asyncio.create_task(loop.sock_recv(one, 100))
            await asyncio.sleep(0)
            await loop.sock_sendall(other, b"bytes")
            data = await reading
            cancelled = asyncio.create_task(loop.sock_recv(one, 100))
            await asyncio.sleep(0)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            assert not loop.remove_reader(one)
            body = b"x" * 3_000_000
            sending = asyncio.create_task(loop.sock_sendall(other, body))
            size = 0
            while size < len(body):
                size += len(await loop.sock_recv(one, 1 << 20))
            await sending
            return data

    assert run(main()) == b"bytes"


def test_subprocesses():
    async def main():
        command = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.exit(3)"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        out, _ = await process.communicate(b"text")
        return out, process.returncode

    assert run(main()) == (b"TEXT", 3)


def test_executors_addresses_and_thread_safety():
    async def main():
        loop = asyncio.get_running_loop()
        thread = await asyncio.to_thread(threading.get_ident)
        [(family, *_, address)] = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
        future = asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "from a thread"), loop)
        return thread != threading.get_ident(), family, address, await asyncio.wrap_future(future)

    assert run(main()) == (True, socket.AF_INET, ("127.0.0.1", 80), "from a thread")


def test_asynchronous_generators_are_closed():
    closed = []

    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    async def main():
        async for _ in numbers():
            break

    run(main())
    assert closed == [True]


def test_exceptions_reach_the_handler_and_the_log(caplog):
    async def main():
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    run(main())
    assert "Exception in callback" in caplog.text
    assert "ZeroDivisionError" in caplog.text
