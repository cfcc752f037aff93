"""What runs inside the virtual machine; see scripts/vm/guest/lab.py."""
