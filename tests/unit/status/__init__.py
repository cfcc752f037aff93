"""Tests of aod.status."""
