"""Tests on a real kernel, with a real cifs mount, in a virtual machine."""
