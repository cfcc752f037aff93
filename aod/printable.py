"""Text of strangers: what a task, a server, a user or a package calls itself."""


def printable(text: bytes) -> str:
    """The text with `?` for what is not printable: no line of a log begins where it likes."""
    return shown(text.decode(errors="replace"))


def one_line(text: str) -> str:
    """The text of several lines in one, with `?` for what else is not printable."""
    return shown(" ".join(text.split()))


def shown(text: str) -> str:
    """The text, which is one line, with `?` for what is not printable."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
