"""argv -> Config -> serve. The options are the fields of Config; here is only how they look on a command line."""

from __future__ import annotations

import sys
from typing import Any

import click

from . import __version__
from .config import DEFAULTS, OPTIONS, Config, Option
from .errors import ConfigError, FreastalError

_SIZE_UNITS = ((1 << 30, "g"), (1 << 20, "m"), (1 << 10, "k"))


class _Command(click.Command):
    """Shows its options by group."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {option.group: [] for option in OPTIONS.values()}
        groups["Other"] = []
        for parameter in self.get_params(ctx):
            option = OPTIONS.get(parameter.name or "")
            record = _help_of(parameter, option) if option else parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                groups[option.group if option else "Other"].append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records, col_max=34)


def flag_of(name: str) -> str:
    """The flag that sets the option `name`, as it is documented."""
    flags = OPTIONS[name].flags
    return next((flag for flag in flags if flag.startswith("--")), f"--{name.replace('_', '-')}")


def main() -> None:
    """The command freastal. Ends the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Does what the arguments say; the exit code. A mistake is one line on stderr, never a traceback."""
    try:
        _command().main(arguments, prog_name="freastal", standalone_mode=False)
    except click.ClickException as error:
        return _complain(_sentence(error), error.exit_code)
    except ConfigError as error:
        return _complain(f"{_flag_with_value(error)}: {error.problem}", error.exit_code)
    except FreastalError as error:
        return _complain(str(error), error.exit_code)
    except ImportError as error:
        if not (error.name or "").startswith("freastal"):
            raise
        return _complain(f"the compiled part cannot be loaded ({error.msg}); install freastal for this Python again", 1)
    except click.Abort:
        return 130
    return 0


def _command() -> click.Command:
    parameters: list[click.Parameter] = [click.Argument(["app"], required=False)]
    parameters += [_option(name, option) for name, option in OPTIONS.items()]
    parameters.append(click.Option(["--check-config"], is_flag=True, help="Load the application, then exit."))
    parameters.append(
        click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
                     help="Show the versions in use, then exit.")
    )  # fmt: skip
    return _Command(
        "freastal",
        params=parameters,
        callback=_serve,
        help="Serve APP, a WSGI or ASGI application written as package.module:attribute.",
        options_metavar="[OPTIONS]",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
        epilog="TERM lets open requests finish; INT (Ctrl-C) and QUIT allow them two seconds, a second one none. "
        "HUP reads certificates again.",
    )


def _option(name: str, option: Option) -> click.Option:
    default = DEFAULTS[name]
    flags = option.flags or (f"--{name.replace('_', '-')}",)
    if isinstance(default, bool):
        if default:
            flags = (f"{flags[0]}/--no-{flags[0][2:]}",)
        return click.Option([*flags, name], default=None, is_flag=True)
    return click.Option(
        [*flags, name],
        default=None,
        multiple=isinstance(default, tuple),
        metavar=option.metavar or _metavar(default),
        type=str,
    )


def _help_of(parameter: click.Parameter, option: Option) -> tuple[str, str]:
    """A line of --help: the names as they are documented, without synonyms, and the default."""
    default = DEFAULTS[parameter.name or ""]
    if default is True:
        return parameter.secondary_opts[0], option.off_help
    short = [flag for flag in parameter.opts if not flag.startswith("--")]
    names = ", ".join([*short, flag_of(parameter.name or "")])
    if default is False:
        return names, option.help
    metavar = option.metavar or _metavar(default)
    shown = "" if default in (None, "", ()) else f"  [{_spell(default, metavar)}]"
    return f"{names} {metavar}", option.help + shown


def _metavar(default: object) -> str:
    if isinstance(default, float):
        return "SECONDS"
    return "NUMBER" if isinstance(default, int) else "TEXT"


def _spell(default: object, metavar: str) -> str:
    if isinstance(default, float):
        return f"{default:g}"
    if isinstance(default, int) and metavar == "SIZE":
        for unit, letter in _SIZE_UNITS:
            if default % unit == 0:
                return f"{default // unit}{letter}"
    return str(default)


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from . import _core

        python = f"{sys.implementation.name} {sys.version.split()[0]}"
        libraries = ", ".join(f"{name} {version}" for name, version in _core.LIBRARIES.items())
        click.echo(f"freastal {__version__} ({python}, {libraries}, {_core.SIMD})")
        ctx.exit()


def _serve(app: str | None, check_config: bool, **given: Any) -> None:
    if app is None:
        raise click.UsageError(
            "which application? Name it as module:attribute, as in: freastal mysite.wsgi:application"
        )
    config = Config(**{name: value for name, value in given.items() if value not in (None, ())})
    if check_config:
        _check(app, config)
        return
    from ._supervisor import supervise

    supervise(app, config)


def _check(app: str, config: Config) -> None:
    from ._bind import parse_binds, parse_redirect
    from ._load import enter_folder, load
    from ._tls import open_tls

    enter_folder(config)
    parse_binds(config)
    parse_redirect(config)
    open_tls(config)
    if config.loop == "uvloop":
        from ._loops import check_loop

        check_loop(config.loop)
    _, interface = load(app, config)
    kind = {"wsgi": "a WSGI", "asgi": "an ASGI"}[interface]
    click.echo(f"{app} is {kind} application, and the configuration is valid")


def _flag_with_value(error: ConfigError) -> str:
    if error.option not in OPTIONS:
        return f"{error.option} {error.value}"
    if error.value is True:
        return flag_of(error.option)
    value = " ".join(error.value) if isinstance(error.value, tuple) else str(error.value)
    return f"{flag_of(error.option)} {value}"


def _sentence(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".").replace("\n", " ")
    message = f"{message[:1].lower()}{message[1:]}"
    return message if "which application" in message else f"{message} (freastal --help lists the options)"


def _complain(sentence: str, code: int) -> int:
    click.echo(f"freastal: {sentence}", err=True)
    return code
