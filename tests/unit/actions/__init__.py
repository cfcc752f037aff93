"""Tests of aod.actions."""
