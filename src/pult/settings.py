"""The settings of one installation: options of the command line over the environment over defaults. Refuses what it does not understand."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, fields, replace
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class BadSetting(Exception):
    """A setting has a value that Pult does not understand; the text says which and what it should be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is the option --name-with-dashes where the command has it, and PULT_NAME in the environment."""

    host: str = "127.0.0.1"
    port: int = 8080
    data_dir: Path = Path("desk-data")
    database_url: str | None = None
    read_database_url: str | None = None
    workers: int = 2
    public_url: str | None = None
    allow_private: str = ""
    api_limit: int | None = None
    files: str | None = None  # a directory or s3://bucket/prefix; default: data_dir/files
    file_link_days: int = 30  # how long a download link works; 0: for ever
    pg_bin: Path | None = None
    log_level: str = "info"
    otlp_url: str | None = None  # where traces go, e.g. http://127.0.0.1:4318

    @property
    def served(self) -> Path:
        """Where `pult serve` writes the address that it serves on."""
        return self.data_dir / "run" / "address"

    @property
    def address(self) -> str:
        """The desk's own address in links, without a slash at the end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def with_served_address(settings: Settings) -> Settings:
    """For a command beside the server: say the address that the server of this data directory says, if none is given."""
    if settings.public_url is None:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return replace(settings, public_url=settings.served.read_text().strip())
    return settings


def read(options: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from `options` (None: not given) over `environ` over the defaults; BadSetting names what is wrong."""
    environ = os.environ if environ is None else environ
    known = {f"PULT_{field.name.upper()}": field.name for field in fields(Settings)}
    given: dict[str, Any] = {}
    for name, value in environ.items():
        if name.startswith("PULT_") and name in known and value != "":
            given[known[name]] = _parse(known[name], value, f"{name}={value}")
    for key, value in (options or {}).items():
        if value is not None:
            given[key] = _parse(key, str(value), f"--{key.replace('_', '-')} {value}")
    if "otlp_url" not in given and (url := environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")):
        given["otlp_url"] = url
    return replace(Settings(), **given)


def _parse(key: str, value: str, shown: str) -> Any:
    bounds = {"port": (0, 65535), "workers": (1, 256), "api_limit": (1, 1_000_000), "file_link_days": (0, 36500)}
    if key in bounds:
        low, high = bounds[key]
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise BadSetting(f"{shown}: should be a whole number from {low} to {high}")
        return int(value)
    if key in {"data_dir", "pg_bin"}:
        return Path(value).expanduser()
    if key in {"database_url", "read_database_url"} and not value.startswith(("postgresql://", "postgres://")):
        raise BadSetting(f"{key}: should start with postgresql://")  # not shown: it may hold a password
    if key in {"public_url", "otlp_url"} and not value.startswith(("http://", "https://")):
        raise BadSetting(f"{shown}: should start with http:// or https://")
    if key == "log_level" and value not in {"debug", "info", "warning", "error"}:
        raise BadSetting(f"{shown}: should be debug, info, warning or error")
    if key == "allow_private":
        _check_networks(value, shown)
    return value


def _check_networks(value: str, shown: str) -> None:
    for part in filter(None, (part.strip() for part in value.split(","))):
        if part[0].isdigit() or ":" in part:
            try:
                ip_network(part, strict=False)
            except ValueError as error:
                raise BadSetting(f"{shown}: {part} is no network ({error})") from None
