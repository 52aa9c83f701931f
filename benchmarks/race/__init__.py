"""Whole training runs side by side: tasks, and programs that each run in a process of their own."""
