"""The configuration: read, validated, explained, and turned into rules.

schema      every key with its bounds and its default
yaml_lines  YAML as plain values that know their lines
load        from a file to a valid Config, or errors with file and line
explain     what does not fit the schema, and what is allowed
validate    values that contradict each other, and those without effect
rules       one rule per anomaly, and the thresholds for the kernel
reload      what changes under a running daemon, and what needs a restart
summary     the text of --check"""
