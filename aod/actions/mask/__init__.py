"""Passwords, tokens and keys are masked in everything that goes into a bundle.

A line is looked at as it is printed and as it reads without its escapes; what either shows to be
a secret becomes `***`. Only lines that hold one of a few words are looked at: the rest passes at
the speed of a search.

stream     text in pieces, whole lines at a time; what is left of long ones
lines      all that is found in some lines
words      which lines are looked at
named      values behind what secrets are called
values     where such a value ends
options    the mount options of cifs, to tell them from the rest of a password
places     secrets at a place or of a form, without a name
clients    what the kernel's client prints of keys and passwords
views      a line without its escapes
audit      the arguments in an audit record, some of them in hex
lists      the arguments in a list of JSON or Python
continued  a command line that sudo or audit wrote in several records"""

from aod.actions.mask.stream import LineMask, mask, mask_text

__all__ = ["LineMask", "mask", "mask_text"]
