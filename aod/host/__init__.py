"""This host: users, rights, child processes, the clock, and whether the daemon can run on it.

children      how they are started, and how those that outlived their parent are ended
users         the users that the configuration names
capabilities  Linux capabilities
privileges    dropping root's rights
preflight     whether this kernel and this user can run the daemon
surroundings  what may forbid eBPF programs: lockdown, namespaces, filters
refusal       why the kernel refused them, in one line
clock         steps of the wall clock"""
