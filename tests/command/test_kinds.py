"""freastal/_kinds.py: what an option's value may be, from text and from Python."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from freastal import _kinds as kinds


@pytest.mark.parametrize(("given", "meant"), [("5", 5), (7, 7), ("0", 0), ("007", 7), ("10", 10)])
def test_an_integer(given, meant):
    assert kinds.integer(0, 10)(given) == meant


@pytest.mark.parametrize(
    "given", ["", "x", "-1", "+1", " 1", "1_0", "1.0", "11", 11, -1, 1.0, True, None, "٣", "9" * 5000]
)
def test_no_integer(given):
    with pytest.raises(ValueError, match=r"must be a whole number from 0 to 10$"):
        kinds.integer(0, 10)(given)


def test_an_octal_integer():
    convert = kinds.integer(0, 0o777, base=8)
    assert convert("022") == convert("22") == convert(0o22) == 18
    for given in ("8", "0o22", "1000", 0o1000):
        with pytest.raises(ValueError, match=r"must be an octal number from 0 to 777$"):
            convert(given)


@pytest.mark.parametrize(("given", "meant"), [("0", 0.0), ("2.5", 2.5), (3, 3.0), (0.25, 0.25), ("1e1", 10.0)])
def test_seconds(given, meant):
    assert kinds.seconds(0, 10)(given) == meant


@pytest.mark.parametrize("given", ["", "x", "-1", "11", "nan", "inf", None, True, [1]])
def test_no_seconds(given):
    with pytest.raises(ValueError, match=r"must be a number of seconds from 0 to 10$"):
        kinds.seconds(0, 10)(given)


@pytest.mark.parametrize(
    ("given", "meant"), [("0", 0), (12, 12), ("64k", 65536), ("64K", 65536), ("2m", 2 << 20), ("1g", 1 << 30)]
)
def test_a_size(given, meant):
    assert kinds.size(0, 1 << 30)(given) == meant


@pytest.mark.parametrize("given", ["", "k", "1.5k", "1kb", "-1k", "2g", "1t", 1.0, True, None, (1 << 30) + 1])
def test_no_size(given):
    with pytest.raises(ValueError, match=r"must be a number of bytes from 0 to 1073741824; k, m and g may follow it"):
        kinds.size(0, 1 << 30)(given)


@pytest.mark.parametrize(("given", "meant"), [("yes", True), ("ON", True), ("1", True), (False, False), ("off", False)])
def test_a_boolean(given, meant):
    assert kinds.boolean(given) is meant


@pytest.mark.parametrize("given", ["", "maybe", 1, None])
def test_no_boolean(given):
    with pytest.raises(ValueError, match="must be true or false"):
        kinds.boolean(given)


def test_a_choice():
    convert = kinds.choice("a", "b")
    assert convert("a") == "a"
    with pytest.raises(ValueError, match="must be one of a, b"):
        convert("c")


def test_text_has_no_nul():
    assert kinds.text("ä") == "ä"
    for given in ("a\0b", 1, None, b"x"):
        with pytest.raises(ValueError):
            kinds.text(given)


def test_a_path_may_be_an_object():
    assert kinds.path(Path("/tmp/x")) == kinds.path("/tmp/x") == "/tmp/x"
    with pytest.raises(ValueError):
        kinds.path(1)


def test_one_file_or_several():
    assert kinds.paths("a") == kinds.paths(Path("a")) == ("a",)
    assert kinds.paths([Path("a"), "b"]) == ("a", "b")
    for given in (5, [1], None, "a\0b"):
        with pytest.raises(ValueError):
            kinds.paths(given)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("none", "none"), (0, "none"), ("0", "none"), ("1", "optional"), (ssl.CERT_REQUIRED, "required"), (2, "required")],
)
def test_whether_a_certificate_is_asked_for(given, meant):
    assert kinds.cert_reqs(given) == meant


@pytest.mark.parametrize("given", ["", "3", 3, -1, True, None, "CERT_REQUIRED", [1]])
def test_no_answer_to_that(given):
    with pytest.raises(ValueError, match="must be none, optional or required; 0, 1 and 2 mean the same"):
        kinds.cert_reqs(given)


def test_one_text_or_several():
    assert kinds.texts("a") == ("a",)
    assert kinds.texts(["a", "b"]) == ("a", "b")
    for given in (5, [1], None):
        with pytest.raises(ValueError):
            kinds.texts(given)


@pytest.mark.parametrize(("given", "meant"), [("", ""), ("/", ""), ("/a", "/a"), ("/a/b/", "/a/b")])
def test_a_root_path(given, meant):
    assert kinds.root_path(given) == meant


@pytest.mark.parametrize("given", ["a", "/a b", "/ä", "/a\r\n", 1])
def test_no_root_path(given):
    with pytest.raises(ValueError):
        kinds.root_path(given)
