"""What is known of SMB itself, and of the Linux client: numbers and their names.

commands  of SMB2 and SMB3, and events of a connection
ntstatus  status codes of servers, from ntstatus.tsv
errors    errno values of the client
codes     search in both
peers     names of shares and servers, as the client and its DebugData know them"""
