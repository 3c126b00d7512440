"""Readers and writers: one handle each, replaced, removed, and descriptors that are closed without a word."""

from __future__ import annotations

import os
import selectors
import socket
import tempfile

import pytest


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def turns(loop, count=3):
    for _ in range(count):
        loop.call_soon(loop.stop)
        loop.run_forever()


def test_readable_as_long_as_it_is(event_loop, pair):
    seen = []
    event_loop.add_reader(pair[0], seen.append, "readable")
    turns(event_loop)
    assert seen == []
    pair[1].send(b"x")
    turns(event_loop)
    assert len(seen) == 3
    pair[0].recv(1)
    turns(event_loop)
    assert len(seen) == 3


def test_both_directions_and_one_removed(event_loop, pair):
    seen = []
    pair[1].send(b"x")
    event_loop.add_reader(pair[0], seen.append, "r")
    event_loop.add_writer(pair[0], seen.append, "w")
    turns(event_loop, 1)
    assert seen == ["r", "w"]
    assert event_loop.remove_reader(pair[0])
    assert not event_loop.remove_reader(pair[0])
    turns(event_loop, 1)
    assert seen == ["r", "w", "w"]
    assert event_loop.remove_writer(pair[0].fileno())
    turns(event_loop, 1)
    assert seen == ["r", "w", "w"]


def test_a_second_reader_replaces_and_cancels_the_first(event_loop, pair):
    seen = []
    pair[1].send(b"x")
    first = event_loop._add_reader(pair[0], seen.append, "first")
    event_loop.add_reader(pair[0], seen.append, "second")
    assert first.cancelled()
    turns(event_loop, 1)
    assert seen == ["second"]


def test_one_that_was_ready_is_not_called_after_its_removal(event_loop, pair):
    seen = []
    pair[1].send(b"x")
    event_loop.add_writer(pair[0], lambda: event_loop.remove_reader(pair[1]))
    pair[0].send(b"x")
    event_loop.add_reader(pair[1], seen.append, "removed")
    turns(event_loop, 1)
    event_loop.remove_writer(pair[0])
    turns(event_loop)
    assert len(seen) <= 1


def test_hang_up_and_errors_are_ready(event_loop):
    seen = []
    reading, writing = os.pipe()
    event_loop.add_reader(writing, seen.append, "no readers")
    turns(event_loop)
    assert seen == []
    os.close(reading)
    turns(event_loop, 1)
    assert seen == ["no readers"]
    event_loop.remove_reader(writing)
    os.close(writing)


@pytest.mark.parametrize("wrong", [-1, None, "file", object(), 1.5, 2**70])
def test_what_is_no_descriptor(event_loop, wrong):
    with pytest.raises((ValueError, OverflowError)):
        event_loop._add_reader(wrong, print)


def test_what_cannot_be_watched_raises_what_asyncio_raises(event_loop):
    with tempfile.TemporaryFile() as file, pytest.raises(PermissionError):
        event_loop.add_reader(file, print)
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    with pytest.raises(OSError, match="Bad file descriptor"):
        event_loop.add_reader(reading, print)
    assert not event_loop.remove_reader(reading)


def test_a_descriptor_stays_as_blocking_as_it_is(event_loop, pair):
    pair[0].setblocking(True)
    event_loop.add_reader(pair[0], print)
    assert os.get_blocking(pair[0].fileno())
    event_loop.remove_reader(pair[0])
    assert os.get_blocking(pair[0].fileno())


def test_closed_before_the_loop_has_turned(event_loop, pair):
    """libuv would abort the process when it finds out."""
    event_loop.add_reader(pair[0], print)
    event_loop.add_writer(pair[1], print)
    pair[0].close()
    pair[1].close()
    turns(event_loop)


def test_closed_and_become_a_file_that_cannot_be_watched(event_loop):
    one, other = socket.socketpair()
    event_loop.add_reader(one.fileno(), print)
    fd = one.detach()
    os.close(fd)
    with tempfile.TemporaryFile() as file:
        assert file.fileno() == fd
        turns(event_loop)
    other.close()


def test_closed_while_watched_and_the_number_used_again(event_loop, pair):
    seen = []
    stale, unused = socket.socketpair()
    event_loop.add_reader(stale.fileno(), seen.append, "stale")
    turns(event_loop)
    fd = stale.detach()
    os.close(fd)
    new = socket.socket(fileno=os.dup(pair[0].fileno()))
    assert new.fileno() == fd
    event_loop.add_reader(new.fileno(), seen.append, "new")
    pair[1].send(b"x")
    turns(event_loop, 1)
    assert seen == ["new"]
    event_loop.remove_reader(new.fileno())
    new.close()
    unused.close()


def test_a_file_object_is_found_after_it_was_closed(event_loop, pair):
    event_loop._add_reader(pair[0], print)
    pair[0].close()
    assert event_loop._remove_reader(pair[0])
    with pytest.raises(ValueError, match="Invalid file descriptor: -1"):
        event_loop._remove_reader(pair[0])


def test_the_selector_can_be_looked_at(event_loop, pair):
    selector = event_loop._selector
    before = len(selector.get_map())
    handle = event_loop._add_reader(pair[0], print)
    key = selector.get_key(pair[0])
    assert key == (pair[0], pair[0].fileno(), selectors.EVENT_READ, (handle, None))
    assert pair[0].fileno() in selector.get_map()
    assert len(selector.get_map()) == before + 1
    assert set(selector.get_map()) >= {pair[0].fileno()}
    event_loop._add_writer(pair[0], print)
    assert selector.get_key(pair[0].fileno()).events == selectors.EVENT_READ | selectors.EVENT_WRITE
    event_loop.remove_reader(pair[0])
    event_loop.remove_writer(pair[0])
    with pytest.raises(KeyError):
        selector.get_key(pair[0])
    with pytest.raises(NotImplementedError):
        selector.register(pair[0], selectors.EVENT_READ)


def test_many_descriptors(event_loop):
    pairs = [socket.socketpair() for _ in range(120)]
    seen = []
    for number, (reading, writing) in enumerate(pairs):
        event_loop.add_reader(reading, seen.append, number)
        writing.send(b"x")
    turns(event_loop, 1)
    assert sorted(seen) == list(range(120))
    for reading, writing in pairs:
        event_loop.remove_reader(reading)
        reading.close()
        writing.close()


def test_closing_the_loop_forgets_all(pair):
    from freastal import EventLoop

    loop = EventLoop()
    handle = loop._add_reader(pair[0], print)
    loop.close()
    assert not loop._remove_reader(pair[0])
    assert not handle.cancelled()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.add_reader(pair[0], print)
