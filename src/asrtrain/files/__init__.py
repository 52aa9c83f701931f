"""The doors to the disk: how files are written, named and read."""
