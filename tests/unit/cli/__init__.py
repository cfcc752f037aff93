"""Tests of aod.cli."""
