"""Tests of aod.state."""
