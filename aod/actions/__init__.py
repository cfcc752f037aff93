"""What is collected for a bundle besides the operations: rows in a table, each run in a child.

action        what a row consists of
table         the rows, and which of them an anomaly gets
resolve       from a row to its command lines on this host
mounts        which cifs file systems are mounted, and by which path each can be asked
job           one bundle in the making: hurry, budget, children
runner        all actions of a bundle, volatile evidence first; the cifs file systems they ask
source        one action: its commands, into its file
turns         whose turn it is, where several servers are asked at the same time
sections      the parts of a file that are written at the same time
client_reads  what reads the files of /proc/fs/cifs
process       one command: a child that can be abandoned
result        what became of a source
output        a file with a size cap
mask          secrets
remarks       what a log says of the lines that it lacks
programs      small programs of our own that rows run"""
