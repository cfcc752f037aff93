"""The side in the kernel: load the eBPF programs, attach them, drain and read what they record.

tracer           the programs and maps, opened from their pins; the wrapper around the shim
objects          the eBPF objects, and the sizes that are fixed when they are loaded
thresholds       what a rule matches, and how that reaches the kernel
attachments      which programs are attached, why others are not, what that means
client           whether there is a cifs client
peer_source      names of shares and servers, from the kernel to the runtime folder
background_read  a file of the client's, read while something else goes on
reader_lock      one reader of the client's files at a time
client_files     which of them are read on this kernel
client_faults    kernels that this may crash
release          which kernel runs
errors           a failed call into the shim becomes an exception"""
