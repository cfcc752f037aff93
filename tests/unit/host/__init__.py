"""Tests of aod.host."""
