"""The command aod codes: what it prints, and its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from aod.cli.aod import main
from aod.smb import errors, ntstatus
from aod.smb.commands import Command
from scripts.vm.tools import REPO


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["codes", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_both_tables_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "LOCK_not_granted", "0xC00000BB", "-11", "SHARE_UNAV") == (
        f"NTSTATUS, and the errno that the client makes of it ({ntstatus.source()})\n"
        "number      errno         name                               "
        "left out by default, in answers to\n"
        "0xC0000055  EACCES        STATUS_LOCK_NOT_GRANTED            SMB2_LOCK\n"
        "0xC00000BB  EOPNOTSUPP    STATUS_NOT_SUPPORTED               "
        "SMB2_IOCTL, SMB2_QUERY_INFO\n"
        "0xC00000E2  EIO           STATUS_OPLOCK_NOT_GRANTED\n"
        "0xC0000480  EIO *         STATUS_SHARE_UNAVAILABLE\n"
        "* not in the client's table; it makes EIO of whatever it does not know\n"
        "\n"
        "errno, and of how many statuses the client makes it\n"
        "number  name                   statuses  meaning\n"
        "    11  EAGAIN                        3  Resource temporarily unavailable\n"
        "    11  EWOULDBLOCK                   3  Resource temporarily unavailable\n"
    )


def test_a_table_without_rows_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert "NTSTATUS" not in printed(capsys, "EREMCHG")
    assert "statuses" not in printed(capsys, "END_OF_FILE")


def test_all_of_it_fits_and_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys).splitlines()
    assert [line for line in lines if len(line) > 96] == []
    assert [line for line in lines if line != line.rstrip()] == []
    words = [word for line in lines for word in line.split()]
    assert all(words.count(name) == 1 for name in (*ntstatus.NUMBERS, "ENOTSUPP", "EHWPOISON"))
    benign = [ntstatus.NAMES[number] for number in ntstatus.BENIGN]
    beside = {line.split()[2]: line[61:] for line in lines if line[61:] and line.startswith("0x")}
    assert {name for name in benign if beside[name]} == set(benign)


def test_nothing_found_is_said_kindly(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codes", "ACESS_DENIED"]) == 1
    assert capsys.readouterr() == (
        "",
        "no code matches ACESS_DENIED; did you mean STATUS_ACCESS_DENIED? "
        "allowed: a part of a name, such as DENIED, or a number: 13, -13, 0xC0000022\n",
    )


def test_a_word_too_many_is_said_and_the_rest_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codes", "EIO", "zz\x1b["]) == 0
    out, err = capsys.readouterr()
    assert " EIO " in out
    assert err.startswith("no code matches 'zz\\x1b['; allowed: ")


def test_json_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, "--json", "STATUS_NOT_A_REPARSE_POINT", "13"))
    assert found == {
        "ntstatus": [
            {
                "number": 0xC0000275,
                "name": "STATUS_NOT_A_REPARSE_POINT",
                "errno": "EIO",
                "mapped": True,
                "left_out": [command.name for command in Command],
            }
        ],
        "errno": [
            {"number": 13, "name": "EACCES", "text": "Permission denied", "statuses": 23},
        ],
    }
    everything = json.loads(printed(capsys, "--json"))
    assert len(everything["ntstatus"]) == len(ntstatus.NUMBERS)
    assert len(everything["errno"]) == len(errors.NUMBERS)
    assert main(["codes", "--json", "nothing_like_it"]) == 1
    assert json.loads(capsys.readouterr().out) == {"ntstatus": [], "errno": []}


AS_NOBODY = """
mount --bind "$1" "$2" && shift 2 &&
exec setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"
"""


def as_nobody(command: list[str], view: str) -> list[str]:
    """What runs a command as another user, who sees the clone in a folder of his own: the clone may
    lie below /root."""
    private = ["unshare", "--mount", "--propagation", "private", "sh", "-c", AS_NOBODY, "sh"]
    return [*private, str(REPO), view, *(word.replace(str(REPO), view) for word in command)]


@pytest.mark.parametrize("python", [(), ("-O",)])
def test_it_needs_neither_root_nor_a_configuration(python: tuple[str, ...]) -> None:
    entry = "import sys; from aod.cli.entry import aod; sys.exit(aod())"
    command = ["env", f"PYTHONPATH={REPO}", sys.executable, *python, "-c", entry]
    command += ["codes", "DISK_FULL"]
    with TemporaryDirectory(dir="/tmp") as view:
        Path(view).chmod(0o755)
        result = subprocess.run(
            as_nobody(command, view) if os.geteuid() == 0 else command,
            check=False,
            env={"PATH": os.defpath},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (result.returncode, result.stderr) == (0, "")
    assert "0xC000007F  ENOSPC        STATUS_DISK_FULL" in result.stdout
