"""Tests of aod.recording."""
