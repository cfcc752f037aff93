"""No secret of any kind is left, however it is spelled, wherever it is cut.

The table of kinds, spellings and wrappings is tests/rig/secrets.py."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aod.actions.mask import LineMask, mask
from tests.rig.secrets import (
    COMMANDS,
    KEY_LINES,
    LETTERS,
    PREFIXES,
    SPELLINGS,
    Planted,
    in_pieces,
    is_found,
    planted,
)

ALL = planted()
SECRETS = st.text(LETTERS, min_size=4, max_size=12)
NOISE = (
    b"Nov 30 20:22:13 ws01 sshd[7]: Accepted password for bob from 192.0.2.1 port 5 ssh2",
    b"CIFS: VFS: \\\\nas Send error in SessSetup = -13",
    b"don't \"quote\" this: it's 100% harmless",
    b'{"open": "',
)

FORMS = (
    "smbclient", "user in a link", "curl", "account key, bare", "account key by its form",
    "account key, 256", "signature alone", "pipe", "element", "header", "docker", "keyctl",
    "environment of a container", "YAML, in one line", "blanks that nobody quoted",
)  # fmt: skip
"""What is known only by what follows it: `@host`, the length of a key, the next option."""


@st.composite
def odd(draw: st.DrawFn, letters: str) -> str:
    """A secret with signs between letters; a blank in it stands between letters."""
    between = st.text(letters, min_size=1, max_size=20).filter(lambda one: one == one.strip())
    return draw(SECRETS) + draw(between) + draw(SECRETS)


@pytest.mark.parametrize("kind", sorted({one.name.partition(":")[0] for one in ALL}))
def test_every_spelling_of_a_kind_is_masked(kind: str) -> None:
    lines = [one.line("QZJQZJQZJ") for one in ALL if one.name.partition(":")[0] == kind]
    assert [line for line in lines if is_found(mask(line.encode()))] == []
    assert all(is_found(line.encode()) for line in lines)


@given(
    one=st.sampled_from(ALL),
    before=st.sampled_from(PREFIXES),
    noise=st.lists(st.sampled_from(NOISE), max_size=3),
    data=st.data(),
)
def test_no_secret_is_left(
    one: Planted, before: str, noise: list[bytes], data: st.DataObject
) -> None:
    line = (before + one.line(data.draw(odd(one.letters)))).encode()
    text = b"\n".join((*noise, line, *noise, b""))
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=4))
    assert not is_found(in_parts(text, cuts))


def in_parts(text: bytes, cuts: list[int]) -> bytes:
    masker = LineMask()
    edges = [0, *sorted(cuts), len(text)]
    return b"".join([*(masker.feed(text[a:b]) for a, b in pairwise(edges)), masker.finish()])


@given(one=st.sampled_from(ALL), secret=SECRETS, data=st.data())
def test_a_line_that_was_cut_at_its_end_shows_nothing_either(
    one: Planted, secret: str, data: st.DataObject
) -> None:
    if one.name.startswith(FORMS):
        return
    line = one.line(secret).encode()
    first = re.search(rb"[QZJ]", line)
    cut = data.draw(st.integers(first.start() if first else 0, len(line)))
    assert not is_found(mask(line[:cut]))


@pytest.mark.parametrize("spelling", ["sudo", "sudo -s"])
@given(kind=st.sampled_from(sorted(COMMANDS)), secret=SECRETS, data=st.data())
def test_a_command_line_that_sudo_continues_is_one(
    spelling: str, kind: str, secret: str, data: st.DataObject
) -> None:
    command = SPELLINGS[spelling](COMMANDS[kind][1](secret))
    cut = data.draw(st.integers(len("COMMAND="), len(command)))
    head = "Nov 30 20:22:13 ws01 sudo[77]:      bob : "
    noise = data.draw(st.lists(st.sampled_from(NOISE), max_size=2))
    text = b"\n".join((
        (head + command[:cut].rstrip(" ")).encode(),
        *noise,
        (head + "(command continued) " + command[cut:].lstrip(" ")).encode(),
    ))  # fmt: skip
    if kind.startswith(FORMS):
        return
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=2))
    assert not is_found(in_parts(text, cuts))


@given(
    kind=st.sampled_from(sorted(COMMANDS)),
    secret=SECRETS,
    cut=st.integers(1, 40),
    is_apart=st.booleans(),
)
def test_an_argument_that_audit_writes_in_pieces_is_one(
    kind: str, secret: str, cut: int, is_apart: bool
) -> None:
    between = "\ntype=EXECVE msg=audit(1.2:3): " if is_apart else " "
    text = in_pieces(COMMANDS[kind][1](secret), cut, between)
    assert not is_found(mask(text.encode()))


@given(
    line=st.sampled_from(KEY_LINES),
    before=st.sampled_from(PREFIXES),
    key=st.binary(min_size=8, max_size=40),
    data=st.data(),
)
def test_the_keys_of_a_session_are_masked(
    line: str, before: str, key: bytes, data: st.DataObject
) -> None:
    pairs = key.hex(" ")
    text = (before + line.format(pairs)).encode()
    start = text.index(pairs.encode())
    cut = data.draw(st.integers(start + 5, start + len(pairs)))
    assert mask(text[:cut]).rstrip(b" ") == text[:start].removesuffix(b"[0000] ") + b"***"
    assert pairs.encode()[-6:] not in mask(text)


@settings(max_examples=25)  # each is of 60 kB
@given(secret=SECRETS, one=st.sampled_from(ALL), at=st.integers(0, 30_000), data=st.data())
def test_a_long_line_hides_nothing(secret: str, one: Planted, at: int, data: st.DataObject) -> None:
    line = b"x " * (at // 2) + one.line(secret).encode() + b" y" * 15_000
    if is_found(mask(line)):
        return
    cuts = data.draw(st.lists(st.integers(0, len(line)), max_size=6))
    assert not is_found(in_parts(line, cuts))
