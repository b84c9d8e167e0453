"""The commands that measure time, memory and whole machines rather than quality."""
