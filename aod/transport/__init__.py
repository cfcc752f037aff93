"""From stage to stage: records in shared memory, and the messages that announce them.

eventlog  the ring of records that collect writes and all others read
position  its files and their owners; how far detect has read it, and what came of it
wire      messages, frames, endpoints and sockets"""
