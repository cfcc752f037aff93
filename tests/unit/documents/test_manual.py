"""The man pages: shown without a warning, by man and by `aod help`; what the documents link to."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from aod.cli import help as manual
from aod.cli.aod import main
from scripts.vm.tools import REPO
from tests.unit.documents import manual_text

ROOT: Final = REPO
NAMES: Final = [source.stem for source in manual_text.SOURCES]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man")
    subprocess.run([ROOT / "scripts" / "man", folder], check=True)
    return folder


def path(folder: Path, name: str) -> Path:
    return folder / f"man{name[-1]}" / f"{name}.gz"


def rendered(file: Path, *options: str) -> str:
    """As man shows it at 80 columns; nothing may be said on stderr."""
    environment = os.environ | {"MANWIDTH": "80", "MAN_KEEP_STDERR": "1", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["man", *options, "-l", file], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_these_are_the_pages() -> None:
    assert NAMES == [
        "aod-bundle.5",
        "aod-detectors.7",
        "aod-security.7",
        "aod-stage.8",
        "aod-supervisor.8",
        "aod.1",
        "aod.yaml.5",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_man_shows_it_without_a_warning(made: Path, name: str) -> None:
    assert rendered(path(made, name), "--warnings=w").startswith(f"{name[:-2]}({name[-1]})")


@pytest.mark.parametrize("name", NAMES)
def test_no_text_is_wider_than_a_terminal(made: Path, name: str) -> None:
    """Literal blocks may be: what is shown there is as wide as it is."""
    literal = {
        line.strip()
        for block in manual_text.blocks(manual_text.page(name))
        for line in block.splitlines()
    }
    wide = [line for line in rendered(path(made, name)).splitlines() if len(line) > 80]
    assert [line for line in wide if line.strip() not in literal] == []


@pytest.mark.parametrize("name", NAMES)
def test_help_as_text_has_every_word_of_the_page(made: Path, name: str) -> None:
    _, *page, _ = rendered(path(made, name)).strip().splitlines()
    _, text = manual.plain(manual_text.page(name)).split("\n", 1)
    assert words("\n".join(page)) == words(text)


def words(text: str) -> list[str]:
    """What is to be read; a list's items begin with a sign."""
    return [word for word in text.split() if word not in {"-", "•"}]


@pytest.mark.parametrize("name", NAMES)
def test_pages_that_it_names_are_there(name: str) -> None:
    named = re.findall(r"\*(aod[a-z.-]*)\*\((\d)\)", manual_text.page(name))
    assert named
    assert {".".join(found) for found in named} <= set(NAMES)


def test_install_puts_it_where_man_finds_it(tmp_path: Path) -> None:
    prefix, shared = tmp_path / "opt", tmp_path / "shared"
    command = ROOT / "scripts" / "man"
    subprocess.run([command, "--install", prefix, shared], check=True)
    found = subprocess.run(
        ["man", "-M", shared, "-w", "aod.yaml", "aod"], capture_output=True, text=True, check=True
    )
    assert [Path(line).resolve() for line in found.stdout.splitlines()] == [
        path(prefix / "share" / "man", name).resolve() for name in ("aod.yaml.5", "aod.1")
    ]
    sources = prefix / "share" / "doc" / "aod" / "man"
    assert sorted(source.name for source in sources.iterdir()) == [f"{name}.scd" for name in NAMES]
    subprocess.run([command, "--remove", shared], check=True)
    assert [file for file in shared.rglob("*") if not file.is_dir()] == []


# aod help


def test_help_without_a_topic_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == {name[:-2] for name in NAMES}
    assert "aod.yaml        the configuration of AODv2" in lines


@pytest.mark.parametrize("topic", ["aod-bundle", "bundle", "aod.yaml", "yaml", "aod"])
def test_help_shows_a_page_as_text(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", topic]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(("aod-bundle(5)\n", "aod.yaml(5)\n", "aod(1)\n"))
    assert topic in shown.partition("(")[0]
    assert "\nNAME\n" in shown


def test_help_uses_man_where_it_has_the_page(
    made: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(manual, "_PAGES", made)
    monkeypatch.setenv("MANWIDTH", "60")
    assert main(["help", "stage"]) == 0
    shown = capfd.readouterr().out
    assert max(map(len, shown.splitlines())) < 80
    assert "aod-stage(8)" in shown.splitlines()[-1]  # man's footer


def test_a_man_that_fails_is_no_loss(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Some images have a man that says only that there are no pages."""
    (tmp_path / "man").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "man").chmod(0o755)
    monkeypatch.setattr(manual, "_PAGES", made)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["help", "stage"]) == 0
    assert capfd.readouterr().out.startswith("aod-stage(8)\n\nNAME\n")


def test_a_topic_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "bundles"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("there is no topic bundles; allowed: aod, aod-bundle, ")


def test_an_installed_program_finds_its_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manual, "_CHECKOUT", tmp_path / "none")
    monkeypatch.setattr(manual, "_INSTALLED", manual_text.FOLDER)
    assert len(manual.pages()) == len(NAMES)
    monkeypatch.setattr(manual, "_INSTALLED", tmp_path)
    assert main(["help"]) == 2


# README and USAGE


@pytest.mark.parametrize(("name", "most_kb"), [("README.md", 8), ("USAGE.md", 25)])
def test_it_is_short(name: str, most_kb: int) -> None:
    assert (ROOT / name).stat().st_size <= most_kb * 1000


@pytest.mark.parametrize("name", ["README.md", "USAGE.md"])
def test_its_links_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    for link in links:
        file, _, anchor = link.partition("#")
        target = ROOT / (file or name)
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def anchors(text: str) -> list[str]:
    """GitHub's, of headings."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return [re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles]


@pytest.mark.parametrize("name", ["README.md", "USAGE.md"])
def test_programs_that_it_names_have_their_page(name: str) -> None:
    pages = set(re.findall(r"\b(aod[a-z.-]*)\((\d)\)", (ROOT / name).read_text()))
    assert {".".join(page) for page in pages} <= set(NAMES)


def test_every_path_that_the_guide_names_is_there() -> None:
    paths = re.findall(
        r"`((?:aod|ebpf|native|tests|conf|scripts)/[\w./]*)`", (ROOT / "USAGE.md").read_text()
    )
    assert len(paths) > 40
    assert [path for path in paths if not (ROOT / path).exists()] == []
