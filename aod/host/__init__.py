"""Users and rights on this host.

users         the users that the configuration names
capabilities  Linux capabilities
privileges    dropping root's rights
preflight     whether this kernel and this user can run the daemon"""
