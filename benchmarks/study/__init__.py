"""The study of what clipping does and does not do: its plan, its runs, what they come to, and the page that says so."""
