"""Tests of aod.detectors."""
