"""The flight recorder: what runs all the time, so that evidence begins before its trigger.

recorders  which of them run; capture owns it
packets    a ring of packets: tcpdump, kept alive
ring       the ring's files: how many, how large, who may read them
layered    interfaces whose packets are seen on another one, above them
unseen     mounted shares whose packets the ring does not hold
trace      the cifs client's tracepoints, in an instance of tracefs of our own
cut        the program that cuts a pcap file out of the ring
pcap       that format
copies     packets that are in the ring more than once
layers     the headers of link, IP and TCP in a packet
headers    those of SMB2, and the packet without the rest"""
