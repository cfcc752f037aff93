"""Tests of aod.stages."""
