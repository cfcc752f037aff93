"""What is collected for a bundle besides the operations: rows in a table, each run in a child.

action   what a row says
table    the rows
resolve  from a row to the commands that it comes to on this host
runner   all actions of a bundle, what is volatile first
source   one action: its commands, into its file
process  one command: a child that can be abandoned
output   a file with a size cap
mask     secrets
mounts   the cifs file systems that are mounted
programs small programs of our own that rows run
"""
