"""Tests of aod.actions.mask."""
