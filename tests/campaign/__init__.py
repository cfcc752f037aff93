"""Kill everything at any moment, under load: nothing is lost, made twice, or left behind.

load     the operations, by a process of its own that knows which of them the ring took
witness  a type of anomaly that writes down what detect really evaluates
moments  when a process is killed
killer   who is killed, and what is looked at meanwhile
judge    what must hold of records, anomalies and bundles
leaks    what must not be left: processes, files, pins, descriptors, memory
campaign all of it, once
"""
