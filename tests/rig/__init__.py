"""What tests of every kind share: how a daemon is run, a bundle opened, an audit log read.

audit_log     the entries of an audit log
bundles       sealed bundles: opened, and checked as every bundle has to be
configs       the sample of a configuration, for a daemon and for a stage
daemon        the whole daemon on this machine, its folders below one folder of the test's
fake_daemon   a supervisor whose stages do what a test wants of them
fake_stages   these stages, and the program that runs them
produce       the test programs at a pace, as a process of its own
producer      the test programs that drive the ring
ring          this machine's BPF ring without a daemon
secrets       secrets of every kind, in every spelling that sources print
stage         one stage in a process of its own, between sockets of the test's
"""
