"""The scripts of the developers."""
