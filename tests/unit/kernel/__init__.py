"""Tests of aod.kernel."""
