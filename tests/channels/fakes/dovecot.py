"""A private Dovecot on a free port: real IMAP, one account for each mailbox, messages delivered as a mail server does."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAM = shutil.which("dovecot") or "/usr/sbin/dovecot"
PASSWORD = "secret"
CONFIG = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
ssl = {ssl}
disable_plaintext_auth = no
auth_mechanisms = plain
mail_location = maildir:{home}/mail/%n
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
first_valid_uid = 1
mailbox_list_index = no
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/mail/%n
}}
service imap-login {{
  {chroot}
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  {chroot}
}}
service stats {{
  {chroot}
}}
protocol imap {{
  imap_capability = {capability}
}}
"""


class Dovecot:
    """`port` once started; accounts are made by being used. `idle`: whether the server announces that it can."""

    def __init__(self, *, idle: bool = True, certificate: tuple[Path, Path] | None = None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="desk-dovecot-"))
        self.home.chmod(0o755)
        self.port, self.tls_port = free_port(), free_port()
        self._idle, self._certificate = idle, certificate
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        root = os.geteuid() == 0
        self._owner = pwd.getpwnam("mail") if root else pwd.getpwuid(os.geteuid())

    def start(self) -> None:
        for folder in ("run", "state", "mail"):
            (self.home / folder).mkdir(exist_ok=True)
        self._own(self.home / "mail")
        config = self.home / "dovecot.conf"
        config.write_text(self._config())
        self._process = subprocess.Popen([PROGRAM, "-F", "-c", config])
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as conn:
                if conn.recv(4) == b"* OK":
                    return
            assert self._process.poll() is None, (self.home / "log").read_text()
            time.sleep(0.05)
        raise AssertionError((self.home / "log").read_text())

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(15)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def deliver(self, account: str, raw: bytes, *, sender: str | None = None, recipient: str | None = None) -> None:
        """As a mail server stores it: complete at once, with where it came from and went to on top."""
        folder = self.home / "mail" / account
        for name in ("", "tmp", "new", "cur"):
            if not (folder / name).is_dir():
                (folder / name).mkdir(parents=True, exist_ok=True)
                self._own(folder / name)
        head = b"" if sender is None else f"Return-Path: <{sender}>\r\n".encode()
        head += b"" if recipient is None else f"Delivered-To: {recipient}\r\n".encode()
        name = f"{time.time():.6f}.{os.getpid()}_{next(self._numbers):06d}.mx.example"
        path = folder / "tmp" / name
        path.write_bytes(head + raw)
        self._own(path)
        path.rename(folder / "new" / name)

    def renumber(self, account: str) -> None:
        """The account's messages get new numbers, as after a restored backup."""
        old, new = self.home / "mail" / account, self.home / "mail" / f"{account}.restored"
        for name in ("", "tmp", "new", "cur"):
            (new / name).mkdir()
            self._own(new / name)
        for path in (*(old / "cur").iterdir(), *(old / "new").iterdir()):
            path.rename(new / path.parent.name / path.name)
        (new / "dovecot-uidlist").write_text(f"3 V77 N1 G{'7' * 32}\n")
        self._own(new / "dovecot-uidlist")
        old.rename(self.home / "mail" / f"{account}.lost")
        new.rename(old)

    def flags(self, account: str) -> list[str]:
        """The flags of each message, by the names of their files; "" for one that nobody has seen."""
        folder = self.home / "mail" / account
        seen = [path.name.partition(":2,")[2] for path in (folder / "cur").iterdir()]
        return sorted([*seen, *("" for _ in (folder / "new").iterdir())])

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _config(self) -> str:
        root = os.geteuid() == 0
        name = "dovecot" if root else self._owner.pw_name
        certificate = self._certificate
        text = CONFIG.format(
            home=self.home,
            ssl="no" if certificate is None else "yes",
            internal=name,
            internal_group="dovecot" if root else "",
            login="dovenull" if root else name,
            password=PASSWORD,
            uid=self._owner.pw_uid,
            gid=self._owner.pw_gid,
            port=self.port,
            tls_port=self.tls_port,
            chroot="" if root else "chroot =",
            capability="" if self._idle else "IMAP4rev1 UIDPLUS",
        )
        if certificate is not None:
            text += f"ssl_cert = <{certificate[0]}\nssl_key = <{certificate[1]}\n"
        return text


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
