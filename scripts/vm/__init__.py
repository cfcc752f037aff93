"""A throw-away virtual machine: a distribution's stock kernel on top of this host's own files."""
