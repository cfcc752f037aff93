"""Tests of aod.audit."""
