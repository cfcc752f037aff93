"""More than can be handled, and what has to come of it: nothing grows without an end, what is lost
is lost in the kernel's ring and counted, and all is well again by itself.

rig      the daemon, its load, and the memory of its processes
cases    what is overloaded, and what has to hold
incident the same for a busy share whose incident does not end: what capture needs
"""
