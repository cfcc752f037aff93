"""The commands: aod, aod-supervisor, aod-stage.

aod         the command aod, with the sub-commands below
codes       aod codes
detectors   aod detectors
entry       entry points of the three commands
exits       exit codes, and the signals that end a command
help        aod help
options     options that several commands take
record      aod record
replay      aod replay
snapshot    aod snapshot
stage       the command aod-stage
status      aod status
supervisor  the command aod-supervisor"""
