"""Tests of aod.bundles.redact."""
