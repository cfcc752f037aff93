"""Tests of aod.conservation."""
