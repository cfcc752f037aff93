"""Nothing is lost without being counted: the sums that prove it, and the watch over them.

reading    reads all counters of a running daemon
sums       the sums that must hold between the counters
violation  a sum that does not hold, and the report of them
watch      checks the sums once a second"""
