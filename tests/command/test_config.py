"""freastal/config.py: every option once; a Config that exists is valid."""

from __future__ import annotations

import dataclasses

import pytest

import freastal
from freastal.config import DEFAULTS, OPTIONS, Config, config_from
from freastal.errors import ConfigError


def test_the_defaults_are_valid():
    config = Config()
    assert config.workers == 1
    assert config.addresses == ("127.0.0.1:8000",)
    for name in OPTIONS:
        assert getattr(config, name) == DEFAULTS[name]


def test_values_are_brought_to_their_normal_form():
    config = Config(workers="4", max_body_size="10m", keep_alive="2", bind=":80", umask="022", date_header="off")
    assert (config.workers, config.max_body_size, config.keep_alive) == (4, 10 << 20, 2.0)
    assert (config.bind, config.umask, config.date_header) == ((":80",), 0o22, False)


def test_a_bad_value_names_option_value_and_remedy():
    with pytest.raises(ConfigError) as caught:
        Config(workers=0)
    assert str(caught.value) == "workers=0: must be a whole number from 1 to 1024"
    assert (caught.value.option, caught.value.value, caught.value.exit_code) == ("workers", 0, 2)
    assert isinstance(caught.value, ValueError)


def test_only_by_name():
    with pytest.raises(TypeError):
        Config(("a:1",))


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().port = 1


def test_replace_checks_again():
    assert Config(port=1).replace(workers=2) == Config(port=1, workers=2)
    with pytest.raises(ConfigError):
        Config().replace(workers=-1)


@pytest.mark.parametrize(
    ("options", "addresses"),
    [
        ({"host": "::1", "port": 0}, ("[::1]:0",)),
        ({"host": "[::1]"}, ("[::1]:8000",)),
        ({"host": "example.org", "port": 80}, ("example.org:80",)),
        ({"bind": ["a:1", "unix:/x"]}, ("a:1", "unix:/x")),
    ],
)
def test_where_to_listen(options, addresses):
    assert Config(**options).addresses == addresses


@pytest.mark.parametrize("more", [{"host": "localhost"}, {"port": 80}])
def test_bind_and_host_exclude_each_other(more):
    with pytest.raises(ConfigError, match="leave host and port out"):
        Config(bind=":1", **more)


def test_options_go_over_a_config():
    base = Config(workers=3)
    assert config_from(base, {}) == base
    assert config_from(base, {"port": 1}) == Config(workers=3, port=1)
    assert config_from(None, {"port": 1}) == Config(port=1)


def test_an_unknown_option_is_refused_with_the_nearest():
    with pytest.raises(TypeError, match=r"freastal has no option 'wrokers'; did you mean 'workers'\?"):
        config_from(None, {"wrokers": 1})
    with pytest.raises(TypeError, match=r"freastal has no option 'zzz'$"):
        config_from(None, {"zzz": 1})


def test_every_option_has_help_and_a_group():
    for name, option in OPTIONS.items():
        assert option.help.endswith("."), name
        assert option.group, name
        assert bool(option.off_help) == (DEFAULTS[name] is True), name


def test_a_secret_is_not_shown():
    config = Config(certfile="a", keyfile_password="correct horse")
    assert config.keyfile_password == "correct horse"
    assert "correct" not in repr(config)
    with pytest.raises(ConfigError) as caught:
        Config(certfile="a", keyfile_password="correct\0horse")
    assert "correct" not in str(caught.value)


def test_whether_there_is_tls():
    assert not Config().has_tls
    assert Config(certfile="a").has_tls
    assert Config(tls_self_signed=True).has_tls


def test_config_is_a_public_name():
    assert freastal.Config is Config
    assert set(freastal.__all__) <= set(dir(freastal))
    with pytest.raises(AttributeError, match="has no attribute 'serve_rsgi'"):
        _ = freastal.serve_rsgi
