"""The flight recorder: what runs all the time, so that evidence begins before its trigger.

recorders  which of them run; capture owns it
packets    a ring of packets: tcpdump, kept alive
ring       the ring's files: how many, how large, who may read them
trace      the cifs client's tracepoints, in an instance of tracefs of our own
cut        the program that cuts a pcap file out of the ring
pcap       that format
headers    where the headers in a packet are, and the packet without the rest"""
