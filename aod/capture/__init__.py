"""What the stage `capture` consists of: which bundles are made, when, and what is told of it.

backlog       the anomalies that have none yet
leftovers     what a dead capture has left
policy        how they are made with a configuration
running       one in the making, and what may end it before its time
output_state  whether the output folder can take them now
space         what its file system has
room          a bundle's name, once there is room for one more
account       the heartbeat's counters and the audit log's records
maker         one bundle: how it is made, and what is said of its end
manual        one that a person asks for, without the stage
"""
