"""What the stage `capture` consists of: which bundles are made, when, and how that is reported.

backlog        the anomalies that have no bundle yet
leftovers      unfinished bundles of a dead capture
audit          what became of each anomaly: audit log, counters, log
incidents      which anomalies belong together
output_folder  whether the output folder can take bundles now
room           a bundle's name, once there is room for one more
maker          one bundle, with the configuration of now
snapshot       a bundle of everything configured, for a person
manual         a bundle that a person makes without the daemon"""
