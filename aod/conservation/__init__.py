"""Nothing is lost without being counted: the sums that say so, and who looks whether they hold."""
