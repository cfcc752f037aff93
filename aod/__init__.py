"""AODv2: watch a Linux host's SMB/CIFS traffic, and keep the evidence of every incident."""

__version__ = "0.1.0"
