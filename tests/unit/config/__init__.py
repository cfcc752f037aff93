"""Tests of aod.config."""
