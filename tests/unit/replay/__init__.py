"""Tests of aod.replay."""
