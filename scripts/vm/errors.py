"""What can go wrong between a caller and a program in the guest, each an error of its own."""


class VmError(Exception):
    """The virtual machine did not do what was asked."""


class SetupError(VmError):
    """Something that the host should have is missing; the message says what installs it."""


class GuestError(VmError):
    """The guest ran and came to a bad end. Its last words are part of the message."""

    def __init__(self, what: str, console_tail: str) -> None:
        super().__init__(f"{what}\n--- end of the guest's console ---\n{console_tail}")
        self.what = what
        self.console_tail = console_tail


class GuestPanicError(GuestError):
    """The guest's kernel panicked."""


class GuestTimeoutError(GuestError):
    """The guest was still running when its time was up, and was switched off."""


class GuestStoppedError(GuestError):
    """The guest was still running when its caller had no more use for it."""


class GuestLostError(GuestError):
    """The guest went off without a panic and before its program had ended."""


class GuestProgramError(GuestError):
    """The program in the guest ended with a status other than 0."""

    def __init__(self, what: str, console_tail: str, status: int) -> None:
        super().__init__(what, console_tail)
        self.status = status
