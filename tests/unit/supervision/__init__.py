"""Tests of aod.supervision."""
