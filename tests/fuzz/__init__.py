"""Coverage-guided fuzzing: of the shim with libFuzzer, of the Python side with atheris."""
