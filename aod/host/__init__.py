"""Users, rights and child processes on this host.

children      how they are started, and how those that outlived their parent are ended
users         the users that the configuration names
capabilities  Linux capabilities
privileges    dropping root's rights
preflight     whether this kernel and this user can run the daemon"""
