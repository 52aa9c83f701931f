"""Damaged inputs by the thousand: whatever is read, the answer is a result or one of the project's own sentences."""
