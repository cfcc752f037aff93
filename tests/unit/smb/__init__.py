"""Tests of aod.smb."""
