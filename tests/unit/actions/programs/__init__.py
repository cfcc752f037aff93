"""Tests of aod.actions.programs."""
