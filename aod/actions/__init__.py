"""What is collected for a bundle besides the operations: rows in a table, each run in a child.

`table` the rows · `resolve` from a row to commands on this host · `runner` from commands to files ·
`process` a child that can be abandoned · `output` a file with a cap · `mask` secrets · `mounts`
"""
