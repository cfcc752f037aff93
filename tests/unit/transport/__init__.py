"""Tests of aod.transport."""
