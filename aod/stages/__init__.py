"""The four stages of the pipeline, each of which runs in a worker process of its own.

base       what each stage runs in: inbox, heartbeat, configuration, shutdown
capture    from a declared anomaly to a sealed bundle
channel    the private channel between the supervisor and a worker
cleanup    deletes bundles that are too old or too many
collect    from the kernel's ring into the event log
attaching  its programs, attached as soon as there is a cifs client
detect     from the event log to declared anomalies
declaring  what becomes of those
signals    counts the signals that a stage or the supervisor catches"""
