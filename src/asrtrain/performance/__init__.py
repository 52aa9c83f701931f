"""How the machine is used: threads, precision, matrix products, chosen by measuring; and what memory a batch takes."""
