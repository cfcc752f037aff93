"""What is collected for a bundle besides the operations: rows in a table, each run in a child.

action        what a row consists of
table         the rows, and which of them an anomaly gets
resolve       from a row to its command lines on this host
job           one bundle in the making: hurry, budget, children
runner        all actions of a bundle, volatile evidence first; the cifs file systems they ask
source        one action: its commands, into its file
client_reads  what reads the files of /proc/fs/cifs
process       one command: a child that can be abandoned
result        what became of a source
output        a file with a size cap
mask          secrets
programs      small programs of our own that rows run"""
