"""Recorded operations, evaluated again: what would have been declared, and better thresholds.

evaluation   the rules of a configuration over a file, and its totals
report       that in words
suggest      thresholds for each command, in three passes
percentiles  exact percentiles in bounded memory
thresholds   what thresholds would have declared, and the lowest silent ones
suggestion   the result, and its text"""
