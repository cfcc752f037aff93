"""Text of strangers: what a task, a server or a user calls itself."""


def printable(text: bytes) -> str:
    """The text with `?` for what is not printable: no line of a log begins where it likes."""
    letters = text.decode(errors="replace")
    return "".join(letter if letter.isprintable() else "?" for letter in letters)
