"""What tests of every kind share: how a daemon is run, a bundle opened, an audit log read.

daemon        the whole daemon on this machine, its folders below one folder of the test's
ring          this machine's BPF ring without a daemon
bundles       sealed bundles: opened, and checked as every bundle has to be
audit_log     the entries of an audit log
configs       the sample of a configuration, for a daemon and for a stage
processes     what /proc shows of a process
"""
