"""What the rules are made of: blocks and scopes, scaling, changing elements, and a threshold for every block."""
