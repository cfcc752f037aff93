"""What the documents say: their examples run, their tables are the code's."""
