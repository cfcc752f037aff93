"""The supervisor: starts the stages, keeps them alive, shuts them down.

folders     the folders that the daemon writes to, and who owns them
lifecycle   when a worker is respawned, killed or given up, as a pure state machine
pool        the workers of one daemon: spawn, watch, respawn, stop in the order of the data
process     the process of one worker: fork, channel, signals, exit status
rights      the user and the capabilities of each stage
supervisor  the daemon's main loop
teardown    removes what a daemon left in the kernel and in the runtime folder"""
