"""Tests of aod.bundles."""
