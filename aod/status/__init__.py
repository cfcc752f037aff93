"""What `aod status` knows and prints: the state of the daemon, from the kernel to the bundles.

anomalies  detect's report on its anomalies, and how it is printed
gather     collects the status of a running daemon
metrics    prints it for Prometheus
model      the status as data, and what is wrong with it
text       prints it for a person
workers    the supervisor's report on its workers"""
