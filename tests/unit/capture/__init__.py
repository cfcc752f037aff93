"""Tests of aod.capture."""
