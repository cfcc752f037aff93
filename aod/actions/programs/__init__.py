"""Small programs that a row runs as `{python} -I -S FILE`: nothing of ours is imported there, and
little else, so that one starts in about 10 ms. What they read may hang; that costs only them.

stacks    kernel stacks of tasks that wait uninterruptibly
kmsg      the kernel's messages of a span of time
lookback  the lines of a log file of a span of time
busiest   which tasks used the processors in a moment"""
