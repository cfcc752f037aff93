"""What `aod status` knows and prints: the state of the daemon, from the kernel to the bundles.

anomalies  detect's report on its anomalies, and how it is printed
gather     collects the status of a running daemon
health     what is wrong with it
metrics    prints it for Prometheus
model      the status as data
text       prints it for a person
workers    the supervisor's report on its workers"""
