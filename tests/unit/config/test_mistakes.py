"""Files with one mistake: the line that is named, what is wrong there, and what is allowed.

What a value must not be is in test_config_places, contradictions in test_config_checks.
"""

from pathlib import Path

import pytest

from aod.config.yaml_lines import MAX_BYTES
from tests.unit.config.cases import ERROR, LATENCY, MINIMAL, Mistake, check

BROKEN = [
    Mistake("guardian:\n\tanomalies: {}\n", 2, ("broken YAML", "spaces, not with tabs")),
    Mistake(LATENCY + "      actions:\n\t- dmesg\n", 6, ("spaces, not with tabs",)),
    Mistake(LATENCY + "     mode: all\n", 5, ("broken YAML", "wrong indentation")),
    Mistake(LATENCY + "  mode: all\n   tool: x\n", 6, ("broken YAML", "indentation")),
    Mistake(MINIMAL + "aod_output_dir: /a: b\n", 2, ("text with ': ' that needs quotes",)),
    Mistake(MINIMAL + "ring_mb 8\nrecorder: all\n", 2, ("a ':' is missing",)),
    Mistake(MINIMAL + "ring_mb:8\n", 2, ("a ':' is missing",)),
    Mistake(MINIMAL + "watcher: {actions: [dmesg}\n", 2, ("expected ',' or ']'",)),
    Mistake(MINIMAL + "watcher: {actions: [dmesg,\n  stats]\n", 2, ("expected ',' or '}'",)),
    Mistake(MINIMAL + "recorder: 'all\n\n\n", 2, ("end of stream",)),
    Mistake(MINIMAL + "aod_output_dir: @x\n", 2, ("begins with it needs quotes",)),
    Mistake(MINIMAL + "aod_output_dir: `x`\n", 2, ("begins with it needs quotes",)),
    Mistake(MINIMAL + "aod_output_dir: %x\n", 2, ("begins with it needs quotes",)),
    Mistake('aod_output_dir: "C:\\logs"\n' + MINIMAL, 1, ("unknown escape character",)),
    Mistake(MINIMAL + "---\n" + MINIMAL, 2, ("a second document begins here; allowed: one",)),
    Mistake(MINIMAL + "...\nring_mb: 8\n", 3, ("a second document begins here",)),
    Mistake("%YAML 9.0\n---\n" + MINIMAL, 1, ("version",)),
    Mistake("- guardian\nring_mb: 8\n", 2, ("broken YAML",)),
]

DUPLICATES = [
    Mistake(MINIMAL + MINIMAL, 2, ("duplicate key 'guardian'; first in line 1",)),
    Mistake(LATENCY + "    slow: {type: Error}\n", 5, ("duplicate key 'slow'", "line 3")),
    Mistake(MINIMAL + "audit: {enabled: true,\n  enabled: true}\n", 3, ("first in line 2",)),
    Mistake(LATENCY + '      "type": Error\n', 5, ("duplicate key 'type'", "line 4")),
]

KEYS = [
    Mistake(MINIMAL + "7: x\n", 2, ("the key '7' is not text; put it in quotes",)),
    Mistake(MINIMAL + "true: x\n", 2, ("the key 'true' is not text",)),
    Mistake(MINIMAL + "2024-01-01: x\n", 2, ("the key '2024-01-01' is not text",)),
    Mistake(MINIMAL + "~: x\n", 2, ("the key '~' is not text",)),
    Mistake(MINIMAL + "? [ring_mb]\n: 8\n", 2, ("a key is text, not a list or a section",)),
    Mistake(MINIMAL + "? {a: b}\n: 8\n", 2, ("a key is text, not a list or a section",)),
    Mistake(MINIMAL + "'': 8\n", 2, ("unknown key '' in the file",)),
    Mistake(MINIMAL + "' ring_mb': 8\n", 2, ("unknown key ' ring_mb'", "did you mean ring_mb?")),
    Mistake(MINIMAL + "Ring_MB: 8\n", 2, ("unknown key Ring_MB", "did you mean ring_mb?")),
    Mistake(MINIMAL + "ring-mb: 8\n", 2, ("unknown key ring-mb", "did you mean ring_mb?")),
    Mistake(MINIMAL + "capture.history_sec: 8\n", 2, ("unknown key capture.history_sec",)),
    Mistake(MINIMAL + '"a\\nb\\e[31m": 8\n', 2, ("unknown key 'a\\nb\\x1b[31m'",)),
    Mistake(MINIMAL + f"{'x' * 120}: 8\n", 2, ("x" * 57 + "... in the file",)),
    Mistake("guardian: {anomalies: {a b: {type: Error}}}\n", 1, ("a b cannot be a name", "64")),
    Mistake("guardian: {anomalies: {../x: {type: Error}}}\n", 1, ("../x cannot be a name",)),
    Mistake("guardian: {anomalies: {-x: {type: Error}}}\n", 1, ("first a letter or digit",)),
    Mistake(f"guardian: {{anomalies: {{{'x' * 65}: {{type: Error}}}}}}\n", 1, ("up to 64",)),
]

UNFOLDED = [
    Mistake(MINIMAL + "watcher: {actions: *mine}\n", 2, ("undefined alias",)),
    Mistake(MINIMAL + "watcher: &w {actions: [*w]}\n", 2, ("nested too deeply",)),
    Mistake(MINIMAL + "watcher: &w\n  <<: *w\n", 2, ("nested too deeply",)),
    Mistake(MINIMAL + "<<: 5\n", 2, ("<< takes a section, or a list of sections",)),
    Mistake(MINIMAL + "<<: [{ring_mb: 8}, text]\n", 2, ("<< takes a section",)),
    Mistake(
        LATENCY
        + "      <<: &all\n        mod: all\n    other:\n      <<: *all\n      type: Error\n",
        6,
        ("unknown key mod in guardian.anomalies.other", "did you mean mode?"),
    ),
    Mistake(
        LATENCY + "      actions: &a [dmesg, nothing]\nwatcher:\n  actions: *a\n",
        5,
        ("watcher.actions[1] is the text 'nothing'", "allowed: dmesg"),
    ),
    Mistake(MINIMAL + "a: " + "[" * 30 + "]" * 30 + "\n", 2, ("at most 20 levels",)),
    Mistake(
        MINIMAL
        + "x0: &x0 [1]\n"
        + "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 7)),
        3,
        ("more than 50000 values",),
    ),
]

TAGS = [
    Mistake(MINIMAL + "a: !!python/object:os.system x\n", 2, ("the tag", "leave it out")),
    Mistake(MINIMAL + "a: !!binary aGk=\n", 2, ("the tag '!!binary' is not supported",)),
    Mistake(MINIMAL + "a: !!set {x}\n", 2, ("the tag '!!set' is not supported",)),
    Mistake(MINIMAL + "a: !!omap [x: 1]\n", 2, ("the tag '!!omap' is not supported",)),
    Mistake(MINIMAL + "a: !mine x\n", 2, ("the tag '!mine' is not supported",)),
    Mistake(MINIMAL + "ring_mb: !!int many\n", 2, ("'many' is no number", "in quotes")),
    Mistake(MINIMAL + "ring_mb: !!str 8\n", 2, ("ring_mb is the text '8'", "without quotes")),
    Mistake(MINIMAL + "recorder: 2024-13-45\n", 2, ("'2024-13-45' is no date", "in quotes")),
    Mistake(MINIMAL + f"ring_mb: {'9' * 5000}\n", 2, ("is no number",)),
]

BYTES: list[tuple[bytes, int, str]] = [
    (MINIMAL.encode() + b"aod_output_dir: /caf\xe9\n", 2, "not UTF-8: byte 0xe9"),
    (MINIMAL.encode("utf-16"), 1, "not UTF-8: byte 0xff"),
    (MINIMAL.encode("utf-16-le"), 1, "the character '\\x00' is not allowed in YAML"),
    (MINIMAL.encode() + b"recorder: \xed\xa0\x80\n", 2, "not UTF-8: byte 0xed"),
    (MINIMAL.encode() + b"recorder: a\0b\n", 2, "the character '\\x00' is not allowed in YAML"),
    (MINIMAL.encode() + b"recorder: \x07\n", 2, "the character '\\x07' is not allowed in YAML"),
    (b"\x00" * 100, 1, "the character '\\x00' is not allowed in YAML"),
    (b"\x7fELF\x02\x01\x01\x00", 1, "is not allowed in YAML"),
    (b"#" * (MAX_BYTES + 1), 1, "the file is larger than 256 KiB"),
]

SHAPES = [
    Mistake("just text\n", 1, ("the file is the text 'just text'", "a section with guardian")),
    Mistake("- guardian\n", 1, ("the file is a list", "a section with guardian")),
    Mistake("8\n", 1, ("the file is 8", "a section with guardian")),
    Mistake("false\n", 1, ("the file is false", "a section with guardian")),
    Mistake("{}\n", 1, ("the file has no guardian (required)",)),
    Mistake("ring_mb: 8\n", 1, ("the file has no guardian (required)",)),
    Mistake("guardian:\n", 1, ("guardian is empty", "a section with anomalies")),
    Mistake("guardian: {}\n", 1, ("guardian has no anomalies (required)",)),
    Mistake("guardian:\n  anomalies:\n", 2, ("guardian.anomalies is empty",)),
    Mistake("guardian:\n  anomalies: {}\n", 2, ("is empty; allowed: at least one",)),
    Mistake("guardian:\n  anomalies:\n    slow:\n", 3, ("slow is empty", "with a type")),
    Mistake("guardian:\n  anomalies:\n    - type: Latency\n", 3, ("is a list", "a section")),
    Mistake("guardian:\n  anomalies:\n    slow: Latency\n", 3, ("a section with a type",)),
    Mistake("guardian:\n  anomalies:\n    slow:\n      mode: all\n", 3, ("has no type",)),
    Mistake("guardian:\n  type: Latency\n", 2, ("unknown key type in guardian", "anomalies")),
    Mistake(LATENCY.replace("Latency", "latency"), 4, ("did you mean Latency?", "Error")),
    Mistake(LATENCY.replace("Latency", ""), 4, ("type is empty", "Error", "Latency")),
    Mistake(LATENCY.replace("Latency", "[Latency]"), 4, ("type is a list", "Error", "Latency")),
    Mistake(LATENCY.replace("Latency", "5"), 4, ("type is 5", "Error", "Latency")),
    Mistake(
        LATENCY + "      track_commands:\n        - SMB2_READ\n",
        6,
        ("track_commands[0]", "did you mean 'command: SMB2_READ'?"),
    ),
    Mistake(LATENCY + "      track_commands:\n        - threshold: 5\n", 6, ("has no command",)),
    Mistake(
        LATENCY + "      track_commands:\n        command: SMB2_READ\n", 6, ("is a section", "'- '")
    ),
    Mistake(LATENCY + "      track_codes: [EIO]\n", 5, ("unknown key track_codes",)),
    Mistake(ERROR + "      default_threshold_ms: 5\n", 5, ("unknown key default_threshold_ms",)),
]

HINTS = [
    Mistake(MINIMAL + "ring_mb: 8MB\n", 2, ("a number stands without quotes and without a unit",)),
    Mistake(MINIMAL + "watch_interval_sec: 1,5\n", 2, ("is the text '1,5'", "a number")),
    Mistake(MINIMAL + "watch_interval_sec: 0x\n", 2, ("is the text '0x'", "a number")),
    Mistake(MINIMAL + "watch_interval_sec: 1:30\n", 2, ("'1:30'", "without a unit")),
    Mistake(MINIMAL + "cleanup:\n", 2, ("leave the line out for the default",)),
    Mistake(MINIMAL + "recorder: machting\n", 2, ("did you mean matching?", "all, matching")),
    Mistake(LATENCY + "      mode: exclude-only\n", 5, ("did you mean excludeonly?",)),
    Mistake(LATENCY + "      mode: TRACKONLY\n", 5, ("did you mean trackonly?",)),
    Mistake(LATENCY + "      tool: smbiosnoop\n", 5, ("slow.tool", "allowed: smbslower")),
    Mistake(LATENCY + "      actions: [DMESG]\n", 5, ("did you mean dmesg?", "tcpdump")),
    Mistake(LATENCY + "      emergency_threshold_ms: 0\n", 5, ("is 0", "or null")),
    Mistake(LATENCY + "      treshold_ms: 5\n", 5, ("did you mean default_threshold_ms?",)),
]

ALL = [*BROKEN, *DUPLICATES, *KEYS, *UNFOLDED, *TAGS, *SHAPES, *HINTS]


@pytest.mark.parametrize("mistake", ALL, ids=lambda m: m.text.splitlines()[m.line - 1].strip()[:60])
def test_a_mistake_is_named_with_its_line(tmp_path: Path, mistake: Mistake) -> None:
    check(tmp_path, mistake)


@pytest.mark.parametrize(("raw", "line", "words"), BYTES, ids=[words for *_, words in BYTES])
def test_what_is_no_text_is_named_with_its_line(
    tmp_path: Path, raw: bytes, line: int, words: str
) -> None:
    check(tmp_path, Mistake(raw, line, (words,)))
