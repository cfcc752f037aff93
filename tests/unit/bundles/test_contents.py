"""The list of a bundle's files."""

import hashlib
from pathlib import Path

from msgspec.structs import replace

from aod.actions.result import Status, not_run
from aod.bundles import contents
from aod.bundles.manifest import File

SOURCE = not_run("dmesg", "", Status.OK, "dmesg.log", ("dmesg",))


def test_every_file_but_the_manifest_is_listed(tmp_path: Path) -> None:
    (tmp_path / "anomaly.json").write_bytes(b"{}")
    (tmp_path / "dmesg.log").write_bytes(b"")
    (tmp_path / "manifest.json").write_bytes(b"{}")
    told = contents.files(tmp_path, ())
    assert [file.name for file in told] == ["anomaly.json", "dmesg.log"]
    assert told[0] == File(
        "anomaly.json", 2, hashlib.sha256(b"{}").hexdigest(), contents.about("anomaly.json")
    )


def test_what_a_source_has_added_up_is_not_added_up_again(tmp_path: Path) -> None:
    (tmp_path / "dmesg.log").write_bytes(b"four")
    (told,) = contents.files(tmp_path, [replace(SOURCE, bytes=4, sha256="known")])
    assert told.sha256 == "known"


def test_a_file_that_has_changed_since_is_read(tmp_path: Path) -> None:
    (tmp_path / "dmesg.log").write_bytes(b"four")
    (told,) = contents.files(tmp_path, [replace(SOURCE, bytes=5, sha256="known")])
    assert told.sha256 == hashlib.sha256(b"four").hexdigest()


def test_a_file_that_is_not_ours_has_nothing_about_it() -> None:
    assert contents.about("stranger.txt") == ""
