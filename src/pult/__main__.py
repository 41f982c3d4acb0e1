"""pult serve | web | work | apply | migrate | demo | doctor | contract-probe: start here."""

from __future__ import annotations

import argparse
import importlib
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pult import settings as known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.settings import Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(argv)
    command = options.command
    try:
        settings = known.read({name: getattr(options, name, None) for name in known.Settings.__dataclass_fields__})
    except known.BadSetting as error:
        print(f"pult: {error}", file=sys.stderr)
        return 2
    return int(COMMANDS[command](settings, options))


def _serve(settings: Settings, options: Any) -> int:
    module = importlib.import_module("pult.cli.serve")
    return int(module.run(settings, web=options.command != "work", work=options.command != "web"))


def _apply(settings: Settings, options: Any) -> int:
    module = importlib.import_module("pult.cli.apply")
    return int(module.run(settings, options.file, json=options.json, prune=options.prune, yes=options.yes))


def _rotate_secret(settings: Settings, options: Any) -> int:
    module = importlib.import_module("pult.cli.rotate_secret")
    return int(module.run(settings, options.channel, company=options.company, json=options.json))


def _migrate(settings: Settings, options: Any) -> int:
    return int(importlib.import_module("pult.cli.migrate").run(settings, check=options.check))


def _doctor(settings: Settings, _options: Any) -> int:
    return int(importlib.import_module("pult.cli.doctor").run(settings))


def _contract_probe(settings: Settings, options: Any) -> int:
    module = importlib.import_module("pult.cli.contract_probe")
    wait = options.wait if options.wait is not None else 60.0 if options.send else 0.0
    told = module.Options(options.company, options.to, options.send, wait, options.picture)
    return int(module.run(settings, options.channel, told))


def _demo(settings: Settings, options: Any) -> int:
    module = importlib.import_module("pult.cli.demo")
    return int(module.run(settings, tickets=options.tickets, company=options.company))


def _web_process(settings: Settings, options: Any) -> int:
    return int(importlib.import_module("pult.cli.process").web(settings, options.fd))


def _work_process(settings: Settings, _options: Any) -> int:
    return int(importlib.import_module("pult.cli.process").work(settings))


# A command's module is imported when it runs: each starts as fast as it can.
COMMANDS = {
    "serve": _serve,
    "web": _serve,
    "work": _serve,
    "apply": _apply,
    "rotate-secret": _rotate_secret,
    "migrate": _migrate,
    "doctor": _doctor,
    "contract-probe": _contract_probe,
    "demo": _demo,
    "web-process": _web_process,
    "work-process": _work_process,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pult", description="A help desk that speaks the Usedesk ticket API.")
    parser.add_argument("--version", action="version", version=f"pult {version('pult')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = _command(commands, "serve", "everything in one go: database, migrations, API, background work")
    web = _command(commands, "web", "HTTP processes only")
    for one in (serve, web):
        one.add_argument("--host", help="address to listen on (PULT_HOST; 127.0.0.1)")
        one.add_argument("--port", help="port to listen on (PULT_PORT; 8080; 0: any)")
        one.add_argument("--workers", help="HTTP processes (PULT_WORKERS; 2)")
    _command(commands, "work", "background work only")
    apply = _command(commands, "apply", "make the desk match a TOML file")
    apply.add_argument("file", type=Path, metavar="FILE")
    apply.add_argument("--json", action="store_true", help="print ids (and tokens made) as JSON")
    apply.add_argument("--prune", action="store_true", help="also switch off what the file does not name")
    apply.add_argument("--yes", action="store_true", help="prune without asking")
    rotate = _command(commands, "rotate-secret", "give a channel a new secret to sign with; the last one stays live")
    rotate.add_argument("channel", metavar="CHANNEL", help="the channel's key in the desk file, or its id")
    rotate.add_argument("--company", default="main", metavar="KEY", help="the company's key (main)")
    rotate.add_argument("--json", action="store_true", help="print the live secrets as JSON")
    migrate = _command(commands, "migrate", "bring the schema up to date")
    migrate.add_argument("--check", action="store_true", help="rehearse: say what would be done, change nothing")
    _command(commands, "doctor", "check database, storage, channels, clock and disk, and say what is wrong")
    _probe_arguments(
        _command(commands, "contract-probe", "ask a provider what its documents leave open; needs an account")
    )
    demo = _command(commands, "demo", "fill a desk with a believable story")
    demo.add_argument("--tickets", type=int, default=1000, metavar="N")
    demo.add_argument("--company", default="main", metavar="KEY", help="the company's key (main)")
    for name, argument in (("web-process", "fd"), ("work-process", None)):
        hidden = commands.add_parser(name)
        if argument:
            hidden.add_argument(argument, type=int)
    return parser


def _probe_arguments(probe: argparse.ArgumentParser) -> None:
    probe.add_argument("channel", metavar="CHANNEL", help="the channel's key in the desk file, or its id")
    probe.add_argument("--company", default="main", metavar="KEY", help="the company's key (main)")
    probe.add_argument("--to", metavar="PHONE_OR_NAME", help="whom test messages are for: yourself")
    probe.add_argument("--send", action="store_true", help="send test messages; without it nothing is sent")
    probe.add_argument("--picture", metavar="URL", help="a public address of a JPEG or PNG to send as well")
    probe.add_argument(
        "--wait", type=float, metavar="SECONDS", help="for the provider's calls (60 with --send, else 0)"
    )


def _command(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.add_argument("--data-dir", help="where everything is kept (PULT_DATA_DIR; desk-data)")
    command.add_argument("--database-url", help="an own PostgreSQL instead of the embedded one (PULT_DATABASE_URL)")
    return command


if __name__ == "__main__":
    raise SystemExit(main())
