"""Tests of aod.flight."""
