"""Operations in files: `aod record`, and all that a replay reads.

listen          programs, maps and a ring of its own beside the daemon
recorder        what `aod record` does
printer         what `aod-stage collect --print` does
format          frames and what they hold
writer, reader  a recording
sources         records of any file, in order of time"""
