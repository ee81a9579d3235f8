"""What `make demo` adds to the stages: sample input, a local feed server and the runner."""
